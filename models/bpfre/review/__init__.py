"""A page on which a person looks through a whole run: before and after, where it corrected, what was refused."""

from bpfre.review.page import PAGE, check_page
from bpfre.review.review import Review

__all__ = ["PAGE", "Review", "check_page"]
