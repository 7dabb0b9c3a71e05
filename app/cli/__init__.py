"""The command line: `kalends …`. Translates words into calls of the services or of the running app; decides nothing."""
