"""The wordings of what is said at a device: warnings, the plan's notices, answers to requests.

`{duration}` is made from the argument `seconds`: in words in the full text, "5 min" or "30 s"
in the brief one, which fits a printer's display. `{tries}` and `{rounds}` are counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["fi", "sv", "en"]


class Wording(NamedTuple):
    """A phrase in one language: as whole sentences, and in at most 20 characters."""

    full: str
    brief: str


#: What is said without being asked.
NOTICES: Mapping[str, Mapping[Language, Wording]] = {
    "turn_ends_in": {
        "fi": Wording("Vuorosi päättyy {duration} kuluttua.", "Jäljellä {duration}"),
        "sv": Wording("Din tur slutar om {duration}.", "Tid kvar: {duration}"),
        "en": Wording("Your turn ends in {duration}.", "Time left: {duration}"),
    },
    "turn_over": {
        "fi": Wording("Vuorosi on päättynyt.", "Vuoro päättynyt"),
        "sv": Wording("Din tur är slut.", "Turen är slut"),
        "en": Wording("Your turn is over.", "Turn over"),
    },
    "closed_now": {
        "fi": Wording(
            "Laite ei ole nyt käytettävissä. Varaa vuoro palvelupisteestä.", "Varaa ensin vuoro"
        ),
        "sv": Wording(
            "Apparaten är inte tillgänglig nu. Boka en tur i kundtjänsten.", "Boka först en tur"
        ),
        "en": Wording(
            "The device is not available now. Please book a turn at the desk.", "Book a turn first"
        ),
    },
    "out_of_service": {
        "fi": Wording("Laite on poissa käytöstä.", "Poissa käytöstä"),
        "sv": Wording("Apparaten är ur bruk.", "Ur bruk"),
        "en": Wording("The device is out of service.", "Out of service"),
    },
    "no_extension": {
        "fi": Wording("Lisäaikaa ei nyt ole: vuoro päättyy ajallaan.", "Ei lisäaikaa"),
        "sv": Wording("Det finns ingen mer tid nu: turen slutar i tid.", "Ingen mer tid"),
        "en": Wording("There is no more time now: your turn ends as planned.", "No more time"),
    },
    "print_too_long": {
        "fi": Wording(
            "Tuloste ei ehtisi valmiiksi vuorosi aikana, joten se keskeytettiin. "
            "Kysy henkilökunnalta pidempää vuoroa.",
            "Vuoro liian lyhyt",
        ),
        "sv": Wording(
            "Utskriften hinner inte bli klar under din tur, så den avbröts. "
            "Fråga personalen om en längre tur.",
            "Turen för kort",
        ),
        "en": Wording(
            "The print would not be done within your turn, so it was stopped. "
            "Please ask the staff for a longer one.",
            "Turn is too short",
        ),
    },
    "print_late": {
        "fi": Wording(
            "Tuloste valmistuu arviolta vasta {duration} kuluttua vuorosi päättymisestä.",
            "Myöhässä {duration}",
        ),
        "sv": Wording(
            "Utskriften beräknas bli klar först {duration} efter att din tur har slutat.",
            "{duration} för sent",
        ),
        "en": Wording(
            "The print is estimated to be done only {duration} after your turn ends.",
            "{duration} too late",
        ),
    },
    "paused_turn_over": {
        "fi": Wording(
            "Vuorosi on päättynyt ja työ on tauolla. Kysy henkilökunnalta.", "Vuoro ohi: tauolla"
        ),
        "sv": Wording("Din tur är slut och jobbet är pausat. Fråga personalen.", "Slut: pausat"),
        "en": Wording(
            "Your turn is over and the job is paused. Please ask the staff.", "Turn over: paused"
        ),
    },
    "closes_in": {
        "fi": Wording("Laite sulkeutuu {duration} kuluttua.", "Sulkeutuu: {duration}"),
        "sv": Wording("Apparaten stängs om {duration}.", "Stängs om {duration}"),
        "en": Wording("The device closes in {duration}.", "Closes in {duration}"),
    },
    "change_places": {
        "fi": Wording("Vaihtakaa paikkaa. Kierroksia jäljellä: {rounds}.", "Vaihtakaa paikkaa"),
        "sv": Wording("Byt plats. Rundor kvar: {rounds}.", "Byt plats"),
        "en": Wording("Change places. Rounds left: {rounds}.", "Change places"),
    },
    "turn_extended": {
        "fi": Wording("Sait {duration} lisäajan.", "Lisäaikaa {duration}"),
        "sv": Wording("Du fick mer tid: {duration} till.", "Mer tid: {duration}"),
        "en": Wording("You got more time: {duration} more.", "More time {duration}"),
    },
    "come_to_desk": {
        "fi": Wording("Tule palvelupisteeseen, ole hyvä.", "Tule palvelutiskille"),
        "sv": Wording("Kom till kundtjänsten, tack.", "Kom till disken"),
        "en": Wording("Please come to the desk.", "Come to the desk"),
    },
}
