"""Countries by code and name, and how prompts name their people. Holds no answers.

A voice can speak for a country that a survey has no answers of; it is then polled and shown, and not scored.
Codes are ISO 3166-1 alpha-3, and NIR, which surveys use for Northern Ireland.
"""

import re

from pluralign.core.collective import Collective
from pluralign.core.survey import Survey

_ROWS = """
AGO Angola|Angolan|Africa
ALB Albania|Albanian|Europe
AND Andorra|Andorran|Europe
ARG Argentina|Argentine|America
ARM Armenia|Armenian|Asia
AUS Australia|Australian|Oceania
AUT Austria|Austrian|Europe
AZE Azerbaijan|Azerbaijani|Asia
BEL Belgium|Belgian|Europe
BFA Burkina Faso|Burkinabe|Africa
BGD Bangladesh|Bangladeshi|Asia
BGR Bulgaria|Bulgarian|Europe
BIH Bosnia and Herzegovina|Bosnian|Europe
BLR Belarus|Belarusian|Europe
BOL Bolivia|Bolivian|America
BRA Brazil|Brazilian|America
CAN Canada|Canadian|America
CHE Switzerland|Swiss|Europe
CHL Chile|Chilean|America
CHN China|Chinese|Asia
CIV Ivory Coast|Ivorian|Africa
COL Colombia|Colombian|America
CYP Cyprus|Cypriot|Asia
CZE Czechia|Czech|Europe
DEU Germany|German|Europe
DNK Denmark|Danish|Europe
DZA Algeria|Algerian|Africa
ECU Ecuador|Ecuadorian|America
EGY Egypt|Egyptian|Africa
ESP Spain|Spanish|Europe
EST Estonia|Estonian|Europe
ETH Ethiopia|Ethiopian|Africa
FIN Finland|Finnish|Europe
FRA France|French|Europe
GBR Great Britain|British|Europe
GEO Georgia|Georgian|Asia
GHA Ghana|Ghanaian|Africa
GRC Greece|Greek|Europe
GTM Guatemala|Guatemalan|America
HKG Hong Kong|Hong Kong|Asia
HND Honduras|Honduran|America
HRV Croatia|Croatian|Europe
HUN Hungary|Hungarian|Europe
IDN Indonesia|Indonesian|Asia
IND India|Indian|Asia
IRL Ireland|Irish|Europe
IRN Iran|Iranian|Asia
IRQ Iraq|Iraqi|Asia
ISL Iceland|Icelandic|Europe
ISR Israel|Israeli|Asia
ITA Italy|Italian|Europe
JOR Jordan|Jordanian|Asia
JPN Japan|Japanese|Asia
KAZ Kazakhstan|Kazakh|Asia
KEN Kenya|Kenyan|Africa
KGZ Kyrgyzstan|Kyrgyz|Asia
KOR South Korea|South Korean|Asia
KWT Kuwait|Kuwaiti|Asia
LBN Lebanon|Lebanese|Asia
LBY Libya|Libyan|Africa
LTU Lithuania|Lithuanian|Europe
LVA Latvia|Latvian|Europe
MAC Macao|Macanese|Asia
MAR Morocco|Moroccan|Africa
MDV Maldives|Maldivian|Asia
MEX Mexico|Mexican|America
MKD North Macedonia|Macedonian|Europe
MLI Mali|Malian|Africa
MMR Myanmar|Burmese|Asia
MNE Montenegro|Montenegrin|Europe
MNG Mongolia|Mongolian|Asia
MYS Malaysia|Malaysian|Asia
NGA Nigeria|Nigerian|Africa
NIC Nicaragua|Nicaraguan|America
NIR Northern Ireland|Northern Irish|Europe
NLD Netherlands|Dutch|Europe
NOR Norway|Norwegian|Europe
NZL New Zealand|New Zealand|Oceania
PAK Pakistan|Pakistani|Asia
PER Peru|Peruvian|America
PHL Philippines|Filipino|Asia
POL Poland|Polish|Europe
PRI Puerto Rico|Puerto Rican|America
PRT Portugal|Portuguese|Europe
PSE Palestinian Territories|Palestinian|Asia
ROU Romania|Romanian|Europe
RUS Russia|Russian|Europe
SEN Senegal|Senegalese|Africa
SGP Singapore|Singaporean|Asia
SLV El Salvador|Salvadoran|America
SRB Serbia|Serbian|Europe
SVK Slovakia|Slovak|Europe
SVN Slovenia|Slovenian|Europe
SWE Sweden|Swedish|Europe
THA Thailand|Thai|Asia
TJK Tajikistan|Tajik|Asia
TUN Tunisia|Tunisian|Africa
TUR Turkey|Turkish|Asia
TWN Taiwan|Taiwanese|Asia
TZA Tanzania|Tanzanian|Africa
UGA Uganda|Ugandan|Africa
UKR Ukraine|Ukrainian|Europe
URY Uruguay|Uruguayan|America
USA United States|American|America
UZB Uzbekistan|Uzbek|Asia
VEN Venezuela|Venezuelan|America
VNM Vietnam|Vietnamese|Asia
YEM Yemen|Yemeni|Asia
ZAF South Africa|South African|Africa
ZWE Zimbabwe|Zimbabwean|Africa
"""


def _parse(row: str) -> Collective:
    code, rest = row[:3], row[4:]
    name, adjective, region = rest.split("|")
    article = "a" if adjective in {"Ukrainian", "Uruguayan", "Ugandan"} else ""
    return Collective(id=code, name=name, adjective=adjective, article=article, region=region)


COUNTRIES: dict[str, Collective] = {row[:3]: _parse(row) for row in _ROWS.strip().splitlines()}
"""ISO code -> country: those surveyed in recent waves of the World Values Survey and Pew Global Attitudes."""


def country(name: str) -> Collective | None:
    """The country of that code or name, in any case of letters; ``None`` if the table does not have it."""
    folded = name.strip().casefold()
    return next((one for one in COUNTRIES.values() if folded in (one.id.casefold(), one.name.casefold())), None)


def spoken_for(survey: Survey, name: str) -> Collective:
    """A population of the survey; else a country the survey has no answers of, so that it can at least be asked.

    Raises :class:`pluralign.core.errors.UnknownNameError` for a name that is neither.
    """
    folded = name.casefold()
    known = any(folded in (one.id.casefold(), one.name.casefold()) for one in survey.collectives)
    elsewhere = None if known else country(name)
    return survey.collective(name) if elsewhere is None else elsewhere


def collective_of(group: str) -> Collective | None:
    """The country of that code or name, or a group of that name with an id made from it; ``None`` without letters."""
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", group).strip("-._")
    return country(group) or (Collective(id=slug, name=group) if slug else None)
