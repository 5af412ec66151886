"""The sections of Preferences: each one list of what is set, and what can be done about it."""
