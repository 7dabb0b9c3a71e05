"""The JSON of the API as pydantic models: what is taken in, what is given out. No logic beyond form."""
