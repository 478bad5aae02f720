"""WhatsApp's chat exports. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.whatsapp import chat

SOURCES = (chat.SOURCE,)
