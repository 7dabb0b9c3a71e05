"""What Kalends needs of the machine it runs on: folders, time, names, log, one-writer lock, settings, screen.

Each module stands for itself and is imported by its full name. Nothing here knows calendars or accounts beyond the
words of `app.domain`.
"""
