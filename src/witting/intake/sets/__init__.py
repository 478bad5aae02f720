"""Published research sets. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.sets import hh_rlhf, oasst, taskmaster

SOURCES = (
    oasst.SOURCE,
    hh_rlhf.SOURCE,
    taskmaster.SOURCE,
)
