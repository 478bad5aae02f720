"""Published research sets. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.sets import arena, hh_rlhf, oasst, sharegpt, taskmaster, trl, ultrafeedback

SOURCES = (
    oasst.SOURCE,
    hh_rlhf.SOURCE,  # before TRL: pairs without a prompt, its markers inside one string
    taskmaster.SOURCE,
    arena.VOTES_SOURCE,
    arena.CHATS_SOURCE,
    sharegpt.SOURCE,
    ultrafeedback.SOURCE,
    trl.SOURCE,
)
