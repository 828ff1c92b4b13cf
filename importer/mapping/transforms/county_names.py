"""British and Irish counties as they are written in addresses; ISO lists today's authorities, most of them towns."""

import re

from importer.mapping.transforms.country_names import spelled_out

_ONE_WORD = """
    bedfordshire berkshire buckinghamshire cambridgeshire cheshire cornwall cumberland cumbria derbyshire devon dorset
    durham essex gloucestershire hampshire herefordshire hertfordshire huntingdonshire kent lancashire leicestershire
    lincolnshire merseyside middlesex norfolk northamptonshire northumberland nottinghamshire oxfordshire rutland
    shropshire somerset staffordshire suffolk surrey sussex warwickshire westmorland wiltshire worcestershire yorkshire
    avon cleveland humberside anglesey brecknockshire caernarfonshire carmarthenshire ceredigion clwyd conwy
    denbighshire dyfed flintshire glamorgan gwent gwynedd merionethshire monmouthshire montgomeryshire pembrokeshire
    powys radnorshire aberdeenshire angus argyll ayrshire banffshire berwickshire caithness clackmannanshire
    dumfriesshire dunbartonshire fife kincardineshire kirkcudbrightshire lanarkshire midlothian moray nairnshire
    peeblesshire perthshire renfrewshire roxburghshire selkirkshire stirlingshire sutherland wigtownshire antrim armagh
    down fermanagh londonderry tyrone beds berks bucks cambs derbys glos hants herts lancs leics lincs northants notts
    oxon salop staffs warks wilts worcs yorks middx northd
"""
_MORE_WORDS = """
    greater london, greater manchester, tyne and wear, west midlands, north yorkshire, south yorkshire, west yorkshire,
    east yorkshire, east riding of yorkshire, east sussex, west sussex, isle of wight, isle of man, mid glamorgan,
    south glamorgan, west glamorgan, vale of glamorgan, east lothian, west lothian, west berkshire, scottish borders,
    dumfries and galloway, isle of anglesey, north humberside, south humberside, north somerset, south gloucestershire,
    argyll and bute, perth and kinross, w yorks, n yorks, s yorks, w mids
"""
_COUNTIES = frozenset([*_ONE_WORD.split(), *(" ".join(name.split()) for name in _MORE_WORDS.split(","))])
_CALLED_COUNTY = re.compile(r"^(?:co\.?|county)\s+\S.*$", re.IGNORECASE)  # Co. Durham, County Cork


def is_county(text: str) -> bool:
    """Whether a line of an address is a county."""
    name = " ".join(text.replace("&", " and ").replace(".", " ").split()).casefold()
    return not _COUNTIES.isdisjoint((name, *spelled_out(name))) or _CALLED_COUNTY.match(text) is not None
