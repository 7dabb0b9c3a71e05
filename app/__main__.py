"""``python -m app``: the same entry point as the command ``kalends``. It must do nothing but call it."""

from __future__ import annotations

import sys

from app.main import main

if __name__ == "__main__":
    sys.exit(main())
