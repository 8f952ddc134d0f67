"""Names of the work that a dry run lists, as `Project.planned_work` gives them."""

LAST = {"cost", "report"}


def of(study: str, *rules: str) -> set[str]:
    """Return the work of rules that serve several studies, for one of them."""
    return {f"{rule} {study}" for rule in rules}


def claims(*studies: str) -> set[str]:
    """Return what tests the claims of studies again, and tells of it."""
    return {"claims_gather", *LAST} | {f"claims {study}" for study in studies}
