"""WhatsApp: chat exports and the Business Cloud API. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.whatsapp import chat, cloud_api

SOURCES = (cloud_api.SOURCE, chat.SOURCE)
