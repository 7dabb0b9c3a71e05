"""Microsoft Graph v1.0 calendars (`providers.md` §4, §5): `client.MicrosoftService` is the way in."""
