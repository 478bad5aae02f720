"""Meta's downloads: Facebook, Messenger, Instagram. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.meta import instagram, messenger

SOURCES = (
    instagram.SOURCE,
    messenger.SOURCE,
)
