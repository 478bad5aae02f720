"""Meta's downloads: Facebook, Messenger, Instagram, Meta AI. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.meta import ai, instagram, messenger, wall

SOURCES = (
    ai.SOURCE,
    instagram.SOURCE,  # the same format as Messenger, told apart by its folder
    messenger.SOURCE,
    wall.FACEBOOK_SOURCE,
    wall.INSTAGRAM_SOURCE,
)
