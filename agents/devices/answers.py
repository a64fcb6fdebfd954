"""The wordings of the answers to what people ask for at a device (agents.requests)."""

from __future__ import annotations

from collections.abc import Mapping

from agents.devices.wordings import Language, Wording

ANSWERS: Mapping[str, Mapping[Language, Wording]] = {
    "checked_in": {
        "fi": Wording("Tervetuloa! Vuorosi on alkanut.", "Vuoro alkoi"),
        "sv": Wording("Välkommen! Din tur har börjat.", "Turen började"),
        "en": Wording("Welcome! Your turn has begun.", "Turn began"),
    },
    "turn_begins_in": {
        "fi": Wording("Koodi on oikein. Vuorosi alkaa {duration} kuluttua.", "Alkuun {duration}"),
        "sv": Wording("Koden är rätt. Din tur börjar om {duration}.", "Börjar om {duration}"),
        "en": Wording("The code is right. Your turn begins in {duration}.", "Begins in {duration}"),
    },
    "turn_began": {
        "fi": Wording("Vuorosi alkoi. Se päättyy {duration} kuluttua.", "Vuoro: {duration}"),
        "sv": Wording("Din tur började. Den slutar om {duration}.", "Din tur: {duration}"),
        "en": Wording("Your turn began. It ends in {duration}.", "Your turn: {duration}"),
    },
    "code_wrong": {
        "fi": Wording("Koodi ei täsmää. Yrityksiä jäljellä: {tries}.", "Väärä koodi"),
        "sv": Wording("Koden stämmer inte. Försök kvar: {tries}.", "Fel kod"),
        "en": Wording("That is not the code. Tries left: {tries}.", "Wrong code"),
    },
    "code_tries_used_up": {
        "fi": Wording(
            "Koodi on syötetty väärin liian monta kertaa. Kysy henkilökunnalta.",
            "Kysy henkilökunnalta",
        ),
        "sv": Wording("Fel kod har getts för många gånger. Fråga personalen.", "Fråga personalen"),
        "en": Wording(
            "A wrong code was given too many times. Please ask the staff.", "Ask the staff"
        ),
    },
    "ask_staff": {
        "fi": Wording("Henkilökunta avaa tämän vuoron.", "Kysy henkilökunnalta"),
        "sv": Wording("Personalen öppnar den här turen.", "Fråga personalen"),
        "en": Wording("The staff opens this turn.", "Ask the staff"),
    },
    "try_again": {
        "fi": Wording("Vuoro muuttui juuri. Yritä uudelleen.", "Yritä uudelleen"),
        "sv": Wording("Turen ändrades just. Försök igen.", "Försök igen"),
        "en": Wording("The turn has just changed. Please try again.", "Try again"),
    },
    "staff_code_wrong": {
        "fi": Wording("Henkilökunnan koodi ei täsmää.", "Väärä koodi"),
        "sv": Wording("Personalens kod stämmer inte.", "Fel kod"),
        "en": Wording("That is not the staff code.", "Wrong code"),
    },
    "staff_code_wait": {
        "fi": Wording("Väärä koodi on annettu liian monta kertaa. Odota hetki.", "Odota hetki"),
        "sv": Wording("Fel kod har getts för många gånger. Vänta en stund.", "Vänta en stund"),
        "en": Wording(
            "A wrong code was given too many times. Please wait a minute.", "Wait a minute"
        ),
    },
    "no_staff_code": {
        "fi": Wording("Laitteella ei ole nyt henkilökunnan koodia.", "Ei koodia"),
        "sv": Wording("Apparaten har ingen personalkod nu.", "Ingen kod"),
        "en": Wording("The device has no staff code now.", "No code"),
    },
    "no_turn_now": {
        "fi": Wording("Laitteella ei ole nyt sinun vuoroasi.", "Ei vuoroa nyt"),
        "sv": Wording("Apparaten har inte din tur nu.", "Ingen tur nu"),
        "en": Wording("The device has no turn of yours now.", "No turn now"),
    },
    "no_walk_in": {
        "fi": Wording(
            "Laitteelle tarvitaan varaus. Varaa vuoro palvelupisteestä.", "Varaa ensin vuoro"
        ),
        "sv": Wording("Apparaten kräver bokning. Boka en tur i kundtjänsten.", "Boka först en tur"),
        "en": Wording(
            "The device needs a booking. Please book a turn at the desk.", "Book a turn first"
        ),
    },
    "turn_runs": {
        "fi": Wording("Laitteella on jo vuoro käynnissä.", "Vuoro jo käynnissä"),
        "sv": Wording("En tur pågår redan på apparaten.", "En tur pågår redan"),
        "en": Wording("A turn is already running on the device.", "Already in a turn"),
    },
    "booked_now": {
        "fi": Wording("Laite on varattu toiselle juuri nyt.", "Varattu toiselle"),
        "sv": Wording("Apparaten är bokad av någon annan just nu.", "Bokad av annan"),
        "en": Wording("The device is booked for somebody else now.", "Booked by another"),
    },
    "still_in_use": {
        "fi": Wording(
            "Edellinen käyttö ei ole vielä päättynyt. Yritä hetken päästä.", "Vielä käytössä"
        ),
        "sv": Wording("Den förra användningen pågår ännu. Försök om en stund.", "Används ännu"),
        "en": Wording("The use before has not ended yet. Please try in a moment.", "Still in use"),
    },
    "too_little_time": {
        "fi": Wording(
            "Aikaa ennen seuraavaa vuoroa tai sulkemista on liian vähän.", "Liian vähän aikaa"
        ),
        "sv": Wording("Det är för lite tid före nästa tur eller stängning.", "För lite tid"),
        "en": Wording(
            "There is too little time before the next turn or closing.", "Too little time"
        ),
    },
    "clear_first": {
        "fi": Wording("Ota edellinen työ pois laitteesta ensin.", "Tyhjennä laite ensin"),
        "sv": Wording("Ta först bort det förra arbetet från apparaten.", "Töm apparaten först"),
        "en": Wording("Take the last work off the device first.", "Clear it first"),
    },
    "cleared": {
        "fi": Wording("Kiitos! Laite merkitään vapaaksi.", "Kiitos!"),
        "sv": Wording("Tack! Apparaten märks som ledig.", "Tack!"),
        "en": Wording("Thank you! The device is marked as free.", "Thank you!"),
    },
    "nothing_to_clear": {
        "fi": Wording("Laitteessa ei ole mitään tyhjennettävää.", "Jo tyhjä"),
        "sv": Wording("Det finns inget att ta bort från apparaten.", "Redan tom"),
        "en": Wording("There is nothing to take off the device.", "Already empty"),
    },
    "extension_asked": {
        "fi": Wording(
            "Lisäaikapyyntö on tehty. Aikasi jatkuu vain, jos siitä ilmoitetaan.", "Pyyntö tehty"
        ),
        "sv": Wording(
            "Du har bett om mer tid. Din tid fortsätter bara om det meddelas.", "Begäran gjord"
        ),
        "en": Wording(
            "You asked for more time. Your time goes on only if you are told so.", "Asked"
        ),
    },
    "already_asked": {
        "fi": Wording("Lisäaikaa on jo pyydetty. Odota vastausta.", "Odota vastausta"),
        "sv": Wording("Du har redan bett om mer tid. Vänta på svar.", "Vänta på svar"),
        "en": Wording(
            "More time was asked for already. Please wait for the answer.", "Wait for the answer"
        ),
    },
    "group_noted": {
        "fi": Wording("Kiitos! Kohderyhmä on merkitty.", "Kiitos!"),
        "sv": Wording("Tack! Åldersgruppen är antecknad.", "Tack!"),
        "en": Wording("Thank you! The group is noted.", "Thank you!"),
    },
    "no_such_group": {
        "fi": Wording("Tällaista ryhmää ei ole.", "Ei tällaista ryhmää"),
        "sv": Wording("Det finns ingen sådan grupp.", "Ingen sådan grupp"),
        "en": Wording("There is no such group.", "No such group"),
    },
    "other_group_now": {
        "fi": Wording("Tämä aika on varattu toiselle kohderyhmälle.", "Toisen ryhmän aika"),
        "sv": Wording("Den här tiden är för en annan målgrupp.", "En annan grupps tid"),
        "en": Wording("These hours are for another group.", "For another group"),
    },
    "turn_given_back": {
        "fi": Wording("Vuorosi on päättynyt. Kiitos käynnistä.", "Kiitos käynnistä!"),
        "sv": Wording("Din tur är slut. Tack för besöket.", "Tack för besöket!"),
        "en": Wording("Your turn has ended. Thank you for coming.", "Thank you!"),
    },
}
