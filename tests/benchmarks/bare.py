"""What the app is compared with: the least that PySide6 needs for a tray icon, or for a window.

Run as `python tests/benchmarks/bare.py tray` or `… window`; it goes on until it is ended.
"""

import sys

from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QSystemTrayIcon

if __name__ == "__main__":
    app = QApplication(sys.argv)
    app.setQuitOnLastWindowClosed(False)
    if sys.argv[1] == "tray":
        picture = QPixmap(64, 64)
        picture.fill("red")
        menu = QMenu()
        menu.addAction("Quit", app.quit)
        tray = QSystemTrayIcon(QIcon(picture))
        tray.setToolTip("Bare")
        tray.setContextMenu(menu)
        tray.show()
    else:
        window = QMainWindow()
        window.resize(1120, 720)
        window.show()
    sys.exit(app.exec())
