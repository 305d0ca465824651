"""A sentence for the next page: what a form has done, told after the redirect that ends it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

COOKIE = "perdure_notice"
# Cookies are short; a sentence that is not can be looked up on the page that it is about.
LONGEST = 1_200
KEPT_S = 30


@dataclass(frozen=True, slots=True)
class Notice:
    """What has happened; ``is_problem`` where it has not."""

    text: str
    is_problem: bool = False

    def cookie(self) -> str:
        """Itself as the value of a cookie."""
        return urlsafe_b64encode(json.dumps([self.text[:LONGEST], self.is_problem]).encode()).decode()


def read_notice(cookie: str | None) -> Notice | None:
    """The notice in a cookie; None where there is none, or none of ours."""
    if not cookie:
        return None
    try:
        text, is_problem = json.loads(urlsafe_b64decode(cookie))
    except (ValueError, TypeError):
        return None
    return Notice(str(text)[:LONGEST], bool(is_problem))
