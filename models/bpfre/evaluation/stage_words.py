"""What sheets and films say of the two stages; networks whose stages are apart have others (see `bpfre.network`)."""

from __future__ import annotations

from dataclasses import dataclass

_ELSE = " Everything else is to stay as it is."


@dataclass(frozen=True, kw_only=True)
class StageWords:
    """Sentences and titles of one sort of network."""

    story: str
    found: str  # title of the first map
    sought_first: str  # what that map marks
    sought_second: str  # what the second map marks
    first: str  # what the first stage does
    second: str  # what the second stage does
    refined: str  # how the result comes from the coarse face, without a full stop


TOGETHER = StageWords(
    story="A network removes blemishes in two stages: the first (encoder and decoder) finds and repairs them, the"
    " second (generator) looks again and repairs what is left." + _ELSE,
    found="blemishes found",
    sought_first="Blemishes",
    sought_second="What is left to do or to undo",
    first="Blemishes found are repaired.",
    second="What was left is repaired",
    refined="The coarse face, repaired where map D2G is bright",
)
APART = StageWords(
    story="A network removes blemishes in two stages: the first (encoder and decoder) finds and repairs whatever stands"
    " out, the second (generator) gives back what belongs to the person, such as moles." + _ELSE,
    found="what stands out",
    sought_first="What stands out",
    sought_second="What the first stage may have taken wrongly",
    first="What stands out is repaired.",
    second="What belongs to the person is given back",
    refined="The coarse face, with what belongs to the person given back",
)


def words_for(*, apart: bool) -> StageWords:
    """Choose the words for networks whose stages are apart, or for others."""
    return APART if apart else TOGETHER
