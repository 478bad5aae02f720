"""Google's downloads: My Activity of Gemini Apps and Search, AI Studio. `SOURCES`: most telling shape first."""

from witting.intake.google import activity, ai_studio

SOURCES = (ai_studio.SOURCE, activity.GEMINI_SOURCE, activity.SEARCH_SOURCE)
