"""Sign-in at Google and Microsoft, fresh access tokens, and the vault that keeps the refresh tokens.

Nothing here knows calendars, the database or Qt. Libraries that are slow to import (msal, google-auth, keyring) are
imported when first needed, in a thread.
"""
