"""Invented WhatsApp exports in many locales, each with its truth: what phones of many languages make of one talk.

Covered: both platforms, the orders, separators, joiners, clocks, half-day words, digits, direction marks and calendars of
`facts/sources-and-signals.md` 1.3, and heads that must be refused. The truth is told from the talk, never from a reader;
Persian and Hijri days are a table. Not covered: what apps really write in each (CLDR as remembered, public parsers); the
words of each language beside one placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

LRM, RLM, NBSP, NNBSP = "\u200e", "\u200f", "\u00a0", "\u202f"
ANN, BO = "Ann Demo", "~" + NNBSP + "Bo"
MEDIA = "Ann left something out"  # stands for the placeholder of each language
TALK: tuple[tuple[datetime, str, str], ...] = (
    (datetime(2024, 3, 9, 0, 5, 7), ANN, "Hello 👨‍👩‍👧 e\u0301 é"),
    (datetime(2024, 3, 9, 9, 10, 5), BO, "line one\nline two\n\nline four"),
    (datetime(2024, 3, 13, 12, 30, 0), ANN, "note: bring ½ cup, at 9:10 PM - or [later]"),
    (datetime(2024, 3, 14, 13, 5, 9), ANN, MEDIA),
    (datetime(2024, 3, 15, 21, 10, 40), BO, f" two spaces {NNBSP} kept{NBSP} "),
    (datetime(2024, 3, 19, 23, 59, 59), ANN, "first\n1/2/2024 is the day"),
    (datetime(2024, 3, 20, 0, 0, 1), BO, f"{RLM}\u202bשלום\u202c <b>"),
    (datetime(2024, 3, 21, 11, 59, 0), ANN, "১২ is twelve - yes"),
)
TYPED = {ANN: ANN, BO: "~ Bo"}
PERSIAN = {9: (1402, 12, 19), 13: (1402, 12, 23), 14: (1402, 12, 24), 15: (1402, 12, 25), 19: (1402, 12, 29),
           20: (1403, 1, 1), 21: (1403, 1, 2)}  # fmt: skip
HIJRI = {9: (1445, 8, 28), 13: (1445, 9, 3), 14: (1445, 9, 4), 15: (1445, 9, 5), 19: (1445, 9, 9),
         20: (1445, 9, 10), 21: (1445, 9, 11)}  # fmt: skip
ARABIC, FARSI, DEVANAGARI, BENGALI = (
    {ord(str(n)): chr(zero + n) for n in range(10)} for zero in (0x660, 0x6F0, 0x966, 0x9E6)
)


@dataclass(frozen=True)
class Locale:
    """How one phone writes. `day` and `clock` are formats over d, m, y (or yy), h, mm, ss and word (the half-day)."""

    name: str
    day: str
    clock: str
    joiner: str = ", "
    words: tuple[str, str] | Callable[[int], str] | None = None  # am and pm; None: 24 hours
    hour_zero: bool = False  # midnight is 0 of the forenoon, as in Japan
    digits: dict[int, str] | None = None
    calendar: str = "common"
    mark: str = ""  # before every head
    dash: str = "-"
    media: str = "<Media omitted>"
    refused: str = ""  # why, where it must not be read

    @property
    def is_ios(self) -> bool:
        return self.name.startswith("ios")

    def head(self, at: datetime) -> str:
        year, month, day = {
            "common": (at.year, at.month, at.day),
            "buddhist": (at.year + 543, at.month, at.day),
            "reiwa": (at.year - 2018, at.month, at.day),
            "minguo": (at.year - 1911, at.month, at.day),
            "persian": PERSIAN[at.day],
            "hijri": HIJRI[at.day],
        }[self.calendar]
        hour, word = at.hour, ""
        if self.words is not None:
            word = self.words(hour) if callable(self.words) else self.words[hour >= 12]
            hour = hour % 12 if self.hour_zero else hour % 12 or 12
        date = self.day.format(d=day, m=month, y=year, yy=year % 100)
        clock = self.clock.format(h=hour, mm=at.minute, ss=at.second, word=word)
        moment = f"{date}{self.joiner}{clock}".translate(self.digits or {})
        return f"{self.mark}[{moment}] " if self.is_ios else f"{self.mark}{moment} {self.dash} "

    def text(self, talk: tuple[tuple[datetime, str, str], ...] = TALK) -> str:
        media = f"{LRM}image omitted" if self.is_ios else self.media
        return "".join(
            f"{self.head(at)}{who}: {media if body == MEDIA else body}\n" for at, who, body in talk
        )

    def truth(self) -> Iterator[tuple[str, str, str | None]]:
        """Time, speaker as typed, body; no body where a file was left out. Android writes no seconds."""
        for at, who, body in TALK:
            told = at if self.is_ios else at.replace(second=0)
            yield told.isoformat(), TYPED[who], None if body == MEDIA else body


def chinese(hour: int) -> str:
    for until, word in ((5, "凌晨"), (8, "早上"), (11, "上午"), (13, "中午"), (18, "下午"), (24, "晚上")):
        if hour < until:
            return word
    raise ValueError(hour)


H24, H24_DOT, H12, WORD_FIRST = "{h:02}:{mm:02}", "{h:02}.{mm:02}", "{h}:{mm:02} {word}", "{word}{h}:{mm:02}"
S24, S24_DOT, S12 = "{h:02}:{mm:02}:{ss:02}", "{h:02}.{mm:02}.{ss:02}", "{h}:{mm:02}:{ss:02} {word}"
N12, NS12 = H12.replace(" ", NNBSP), S12.replace(" ", NNBSP)
DMY, DMY_SHORT, MDY_SHORT = "{d:02}/{m:02}/{y}", "{d:02}/{m:02}/{yy:02}", "{m}/{d}/{yy:02}"
DOTS, DOTS_SHORT, DASHES, ISO = (
    "{d:02}.{m:02}.{y}",
    "{d:02}.{m:02}.{yy:02}",
    "{d:02}-{m:02}-{y}",
    "{y}-{m:02}-{d:02}",
)
YMD, HANGUL, MARKED = "{y}/{m}/{d}", "{y}. {m}. {d}.", f"{{d}}{RLM}/{{m}}{RLM}/{{y}}"
UPPER, LOWER, SPANISH = ("AM", "PM"), ("am", "pm"), (f"a.{NBSP}m.", f"p.{NBSP}m.")

LOCALES = (
    Locale("android_en_us", MDY_SHORT, N12, words=UPPER),
    Locale("android_en_us_before_2023", MDY_SHORT, H12, words=UPPER),
    Locale("android_en_gb", DMY, H24),
    Locale("android_en_gb_12h", DMY, H12, words=LOWER),
    Locale("android_en_au", "{d}/{m}/{y}", N12, words=LOWER),
    Locale("android_en_ca", ISO, H12, words=("a.m.", "p.m.")),
    Locale("android_en_za", "{y}/{m:02}/{d:02}", H24),
    Locale("android_en_in", DMY_SHORT, N12, words=LOWER),
    Locale("android_de", DOTS_SHORT, H24, media="<Medien ausgeschlossen>"),
    Locale("android_de_um", DOTS, H24, joiner=" um ", media="<Medien ausgeschlossen>"),
    Locale("android_de_ch_en_dash", DOTS, H24, dash="–", media="<Medien ausgeschlossen>"),
    Locale("android_es", "{d}/{m}/{yy:02}", "{h}:{mm:02}", media="<Multimedia omitido>"),
    Locale("android_es_mx", DMY_SHORT, H12, words=SPANISH, media="<Multimedia omitido>"),
    Locale("android_pt_br", DMY, H24, joiner=" ", media="<Mídia oculta>"),
    Locale("android_pt_pt", DMY_SHORT, H24, media="<Ficheiro não revelado>"),
    Locale("android_fr", DMY, H24, joiner=" à ", media="<Médias omis>"),
    Locale("android_it", DMY_SHORT, H24, media="<Media omessi>"),
    Locale("android_it_dot", DMY_SHORT, H24_DOT, media="<Media omessi>"),
    Locale("android_nl", DASHES, H24, joiner=" ", media="<Media weggelaten>"),
    Locale("android_fi", "{d}.{m}.{y}", "{h}.{mm:02}", joiner=" klo "),
    Locale("android_sv", ISO, H24, joiner=" "),
    Locale("android_sv_kl", ISO, H24, joiner=" kl. "),
    Locale("android_da", DOTS, H24_DOT, joiner=" "),
    Locale("android_nb", DOTS, H24),
    Locale("android_pl", DOTS, H24, media="<pominięto multimedia>"),
    Locale("android_cs", "{d}. {m}. {y}", "{h}:{mm:02}", joiner=" "),
    Locale("android_hr", "{d:02}. {m:02}. {y}.", H24, joiner=" "),
    Locale("android_hu", "{y}. {m:02}. {d:02}.", H24, joiner=" "),
    Locale("android_bg", "{d}.{m:02}.{yy:02} г.", "{h}:{mm:02}", joiner=", "),
    Locale("android_bg_ch", "{d}.{m:02}.{yy:02} г.", "{h}:{mm:02} ч."),
    Locale("android_tr", DOTS, H24, joiner=" ", media="<Medya dahil edilmedi>"),
    Locale("android_el", "{d}/{m}/{y}", H12, words=("π.μ.", "μ.μ.")),
    Locale("android_ru", DOTS, H24, media="<Без медиафайлов>"),
    Locale("android_he", "{d}.{m}.{y}", H24, media="<המדיה לא נכללה>", mark=RLM),
    Locale("android_he_12h", "{d}.{m}.{y}", H12, words=("לפנה״צ", "אחה״צ"), media="<המדיה לא נכללה>"),
    Locale("android_ar_eg", MARKED, H12, joiner="، ", words=("ص", "م"), digits=ARABIC, media="<تم استبعاد الوسائط>"),
    Locale("android_ar_ma", "{d}/{m}/{y}", H24, joiner=" ", media="<تم استبعاد الوسائط>"),
    Locale("android_fa", YMD, H24, joiner=f"،{RLM} ", digits=FARSI, calendar="persian"),
    Locale("android_fa_common", YMD, H24, joiner="، ", digits=FARSI),
    Locale("android_ur", "{d}/{m}/{y}", H12, joiner=" ", words=UPPER),
    Locale("android_hi", DMY_SHORT, H12, words=LOWER, media="<मीडिया के बिना>"),
    Locale("android_mr", "{d}/{m}/{yy}", H12, words=UPPER, digits=DEVANAGARI),
    Locale("android_bn", "{d}/{m}/{yy}", H12, words=UPPER, digits=BENGALI, media="<মিডিয়া বাদ দেওয়া হয়েছে>"),
    Locale("android_ta", "{d}/{m}/{y}", WORD_FIRST.replace("}{", "} {", 1), words=("முற்பகல்", "பிற்பகல்")),
    Locale("android_th", "{d}/{m}/{y}", H24, joiner=" ", calendar="buddhist"),
    Locale("android_th_short", "{d}/{m}/{yy}", H24, joiner=" ", calendar="buddhist"),
    Locale("android_id", DMY_SHORT, H24_DOT, joiner=" ", media="<Media tidak disertakan>"),
    Locale("android_vi", "{d}/{m}/{y}", H12, words=("SA", "CH")),
    Locale("android_ja", "{y}/{m:02}/{d:02}", H24, joiner=" ", media="<メディアは含まれていません>"),
    Locale("android_ja_12h", YMD, WORD_FIRST, joiner=" ", words=("午前", "午後"), hour_zero=True),
    Locale("android_ja_kanji", "{y}年{m}月{d}日", H24, joiner=" "),
    Locale("android_ko", HANGUL, WORD_FIRST.replace("}{", "} {", 1), joiner=" ", words=("오전", "오후")),
    Locale("android_ko_short", "{yy}. {m}. {d}.", WORD_FIRST.replace("}{", "} {", 1), joiner=" ", words=("오전", "오후")),
    Locale("android_zh_cn", YMD, H24, joiner=" ", media="<省略多媒体文件>"),
    Locale("android_zh_tw", YMD, WORD_FIRST, joiner=" ", words=chinese, media="<省略多媒體檔案>"),
    Locale("ios_en_us", MDY_SHORT, NS12, words=UPPER),
    Locale("ios_en_gb", DMY, S24),
    Locale("ios_en_marked", DMY, NS12, words=LOWER, mark=LRM),
    Locale("ios_de", DOTS_SHORT, S24),
    Locale("ios_es_mx", DMY_SHORT, S12, words=SPANISH),
    Locale("ios_fr", DMY, S24, joiner=" "),
    Locale("ios_it", DMY_SHORT, S24),
    Locale("ios_nl", DASHES, S24, joiner=" "),
    Locale("ios_fi", "{d}.{m}.{y}", S24_DOT, joiner=" klo "),
    Locale("ios_sv", ISO, S24, joiner=" "),
    Locale("ios_da", DOTS, S24_DOT, joiner=" "),
    Locale("ios_ru", DOTS, S24),
    Locale("ios_tr", "{d}.{m:02}.{y}", S24, joiner=" "),
    Locale("ios_he", "{d}.{m}.{y}", S24, mark=RLM),
    Locale("ios_ar", MARKED, S12, joiner="، ", words=("ص", "م"), digits=ARABIC),
    Locale("ios_fa", YMD, S24, joiner="، ", digits=FARSI, calendar="persian"),
    Locale("ios_hi", "{d}/{m}/{yy}", S12, words=("पूर्वाह्न", "अपराह्न"), digits=DEVANAGARI),
    Locale("ios_bn", "{d}/{m}/{yy}", S12, words=("পূর্বাহ্ণ", "অপরাহ্ণ"), digits=BENGALI),
    Locale("ios_th", "{d}/{m}/{y}", S24, calendar="buddhist"),
    Locale("ios_ja", "{y}/{m:02}/{d:02}", S24, joiner=" "),
    Locale("ios_ja_reiwa", "R{y}/{m}/{d}", S24, joiner=" ", calendar="reiwa"),
    Locale("ios_ja_reiwa_kanji", "令和{y}年{m}月{d}日", S24, joiner=" ", calendar="reiwa"),
    Locale("ios_ko", HANGUL, "{word} {h}:{mm:02}:{ss:02}", joiner=" ", words=("오전", "오후")),
    Locale("ios_zh_cn", YMD, "{word}{h}:{mm:02}:{ss:02}", joiner=" ", words=("上午", "下午")),
    Locale("ios_zh_tw", YMD, "{word}{h}:{mm:02}:{ss:02}", joiner=" ", words=chinese),
    Locale("android_hijri", "{d}/{m}/{y}", H24, calendar="hijri", digits=ARABIC, refused="unknown_calendar"),
    Locale("ios_hijri_short", "{d}/{m}/{yy}", S24, calendar="hijri", refused="unknown_calendar"),
    Locale("ios_hijri_era", "{d}/{m}/{y} هـ", S24, joiner="، ", calendar="hijri", refused="unknown_meridiem"),
    Locale("android_minguo", YMD, H24, joiner=" ", calendar="minguo", refused="unknown_calendar"),
    Locale("android_fr_ca", ISO, "{h} h {mm:02}", joiner=" ", refused="unknown_format"),
    Locale("android_time_first", "{d}/{m}/{y}", "", joiner="", refused="unknown_format"),
    Locale("android_words_unknown", DMY, H12, words=("qx", "qz"), refused="unknown_meridiem"),
)  # fmt: skip
