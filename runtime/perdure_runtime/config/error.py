"""What is wrong with a setting."""


class SettingsError(Exception):
    """One sentence: where the setting stands, what is wrong with it, what to write."""
