"""Public web pages as others have crawled them: WARC and WET files."""

from witting.intake.web import pages

SOURCES = (pages.SOURCE,)
