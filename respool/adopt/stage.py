"""What a deployed stage fills the placeholders of our states with."""

from chalicelib.settings import NEVER, Settings


def stage_values(table: str, prefix: str, settings: Settings) -> dict[str, str]:
    """The stage's values, by the placeholders' names."""
    return {
        "Claims": table,
        "ErrorSpool": f"{prefix}-error_spool",
        "CloseAfter": "0" if settings.close_after == NEVER else str(settings.close_after),
        "HistorySeconds": str(settings.history_days * 86_400),
    }
