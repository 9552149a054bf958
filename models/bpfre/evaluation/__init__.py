"""Pictures and figures of what the network does."""

from bpfre.evaluation.attention import attention_sheets, write_png
from bpfre.evaluation.examples import example_photos
from bpfre.evaluation.sheets import attention_sheet

__all__ = ["attention_sheet", "attention_sheets", "example_photos", "write_png"]
