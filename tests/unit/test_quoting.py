"""A question is answered by the rows of print that share its words, and by nothing that is not printed."""

import pytest

from tests.support.paths import ASSETS
from ui.state.rendering import split_fold
from vlm_backends import CATALOGUE, Chunk, Embedded, Prompt, Region, Turn, ask, find_model, read
from vlm_backends.engines.builtin.question_words import content_words, forms, similar, words_of
from vlm_backends.engines.builtin.quoting import is_about_print, quote

QUAD = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))
NOTHING = "nothing that could be read."
HEAD = "Printed in this picture:\n\n"
MEASURED = "\n\n640 × 480 px. Colours: white 95%, black 5%."

PARK = ["PINE RIDGE PARK", "Lake Loop   2.4 km", "Eagle Point   5.1 km", "Visitor Center   0.8 km",
        "Stay on marked trails. Keep dogs on leash."]  # fmt: skip
RECEIPT = ["GREEN BASKET GROCERY", "Sourdough bread   4.50", "Whole milk 1 L   1.89", "Tomatoes 0.850 kg   2.72", "Subtotal   31.81",
           "Sales tax 5%   1.59", "TOTAL   $33.40", "Cash   40.00", "Change   6.60"]  # fmt: skip
MUSEUM = ["Harbour Museum", "Opening hours", "Tue–Sun 10 am – 6 pm", "Closed on Mondays", "Admission: adults 12.50, children free",
          "Guided tours at 11:30 and 15:00", "Tel. 555 0104", "Café on the first floor"]  # fmt: skip
FLIGHTS = ["DEPARTURES", "08:15   Oslo   SK 811   Gate A4   Boarding", "09:40   Lima   LA 2207   Gate B12   On time",
           "11:05   Café del Mar   Delayed", "Nº 0098   Seat 14C"]  # fmt: skip


def chunks(rows: list[str], codes: tuple[str, ...] = ()) -> list[Chunk]:
    """An answer with all print, row by row, as the built-in tools stream it; pieces are three blanks apart."""
    made, text = [Chunk(HEAD, literal=True, note="Read on this machine.")], HEAD
    for number, row in enumerate(rows):
        if number:
            text += "\n"
        for place, piece in enumerate(row.split("   ")):
            before = "   " if place else "\n" if number else ""
            start = len(text) + (3 if place else 0)
            text += ("   " if place else "") + piece
            made.append(Chunk(before + piece, (Region(piece, QUAD, span=(start, start + len(piece))),), literal=True))  # fmt: skip
    if not rows:
        made.append(Chunk(NOTHING, literal=True))
        text += NOTHING
    for code in codes:
        text += f"\n\n{code}"
        made.append(Chunk(f"\n\n{code}", (Region(code, QUAD, span=(len(text) - len(code), len(text))),), literal=True))  # fmt: skip
    return [*made, Chunk(MEASURED, literal=True)]


def answered(question: str, rows: list[str], codes: tuple[str, ...] = ()) -> Chunk:
    """The last chunk: the whole answer."""
    return list(quote(question, chunks(rows, codes)))[-1][0]


def quoted(question: str, rows: list[str]) -> list[str]:
    """The rows that come first; none when nothing shares a word."""
    text = answered(question, rows).text
    if not text.startswith("Printed here, and sharing words with your question"):
        return []
    return text.split("\n\n")[1].split("\n")


# --- which rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("question, rows, first", [
    ("How far is Lake Loop?", PARK, ["Lake Loop   2.4 km"]),
    ("how far is it to the eagle point", PARK, ["Eagle Point   5.1 km"]),
    ("Where is the visitor centre?", PARK, ["Visitor Center   0.8 km"]),
    ("Are dogs allowed?", PARK, ["Stay on marked trails. Keep dogs on leash."]),
    ("Can I bring my dog?", PARK, ["Stay on marked trails. Keep dogs on leash."]),
    ("What is the total?", RECEIPT, ["TOTAL   $33.40"]),
    ("What's the TOTAL", RECEIPT, ["TOTAL   $33.40"]),
    ("How much are the tomatoes?", RECEIPT, ["Tomatoes 0.850 kg   2.72"]),
    ("How much is one tomato?", RECEIPT, ["Tomatoes 0.850 kg   2.72"]),
    ("How much tax was paid?", RECEIPT, ["Sales tax 5%   1.59"]),
    ("What costs 1.89?", RECEIPT, ["Whole milk 1 L   1.89"]),
    ("When does it open?", MUSEUM, ["Opening hours", "↳ Tue–Sun 10 am – 6 pm"]),
    ("On which days is it closed?", MUSEUM, ["Closed on Mondays"]),
    ("Is it open on Monday?", MUSEUM, ["Opening hours", "Closed on Mondays"]),
    ("What is the admission for a child?", MUSEUM, ["Admission: adults 12.50, children free"]),
    ("When is the guided tour?", MUSEUM, ["Guided tours at 11:30 and 15:00"]),
    ("Where is the cafe?", MUSEUM, ["Café on the first floor"]),
    ("Where is the café?", MUSEUM, ["Café on the first floor"]),
    ("Which gate for Oslo?", FLIGHTS, ["08:15   Oslo   SK 811   Gate A4   Boarding"]),
    ("When does LA 2207 leave?", FLIGHTS, ["09:40   Lima   LA 2207   Gate B12   On time"]),
    ("Who sits in seat 14C?", FLIGHTS, ["Nº 0098   Seat 14C"]),
    ("Did they pay by card?", [*RECEIPT, "Card   33.40"], ["Card   33.40"]),
    ("Is there a table for two?", ["Menu", "Table service only"], ["Table service only"]),
    ("What is delayed?", FLIGHTS, ["11:05   Café del Mar   Delayed"]),
])  # fmt: skip
def test_the_rows_that_share_the_questions_words_come_first(question, rows, first):
    assert quoted(question, rows) == first


@pytest.mark.parametrize("question, printed, found", [
    ("What is the price?", "Prices from 4.50", True),
    ("Which stories are told?", "A story of the sea", True),
    ("When do you close?", "Closing time 18:00", True),
    ("Is planning needed?", "Plan your visit", True),
    ("Where do the buses stop?", "Bus stop", True),
    ("the adress?", "Address: 12 Mill Lane", True),
    ("the shedule?", "Schedule of trains", True),
    ("Where is the e-mail address?", "Email: desk@example.org", True),
    ("When is check-in?", "Checkin from 14:00", True),
    ("How much is the total?", "T0TAL 12.00", True),
    ("Was it 1,250 or 1300?", "Sum: 1250", True),
    ("Is it 33.4?", "TOTAL 33.40", True),
    ("What is 5 km away?", "Harbour 5km", True),
    ("Größe?", "GROESSE XL", True),
    ("Größe?", "Grosse: 42", True),
    ("東京はどこですか", "東京タワー 333 m", True),
    ("大阪はどこですか", "東京タワー 333 m", False),
    ("Where is the art?", "Start here", False),
    ("How tall is the tower?", "Lower deck", False),
    ("What about the house?", "Horse riding", False),
    ("What does a plane cost?", "Plan 12.00", False),
    ("Is it 4.5?", "TOTAL 45", False),
    ("Is it 12?", "Phone 0123", False),
    ("Where is the sun?", "Sunday closed", False), ("Are you open on Sundays?", "Sun 10:00", True), ("Is it open on Tuesday?", "Tue closed", True),
    ("What does a child pay?", "Children 4.00", True), ("Where can I rent bikes?", "Bicycles: 12.00", True), ("What is in March?", "Mary 5", False),
    ("Is there a bar?", "Barber shop", False),
    ("What is the total?", "Subtotal 12.00", False),
    ("the time of arrival?", "Arrows to the left", False),
])  # fmt: skip
def test_words_are_the_same_in_any_inflection_and_whole(question, printed, found):
    assert bool(quoted(question, ["ZZZ", printed, "QQQ"])) == found


def test_a_word_in_few_rows_weighs_more_and_weak_rows_stay_below():
    rows = [f"Trail {i}   {i}.0 km" for i in range(1, 9)] + ["Lake trail   9.9 km"]
    assert quoted("How long is the lake trail?", rows) == ["Lake trail   9.9 km"]


def test_of_equals_those_with_a_number_come_first_when_one_is_asked_for():
    rows = ["The Coffee House", "Coffee   3.50", "Tea   2.80"]
    assert quoted("How much is the coffee?", rows) == ["Coffee   3.50", "The Coffee House"]


def test_many_rows_are_cut_and_the_rest_follows():
    rows = [f"Room {i} is on floor {i}" for i in range(20)]
    answer = answered("Where is the room?", rows)
    assert len(quoted("Where is the room?", rows)) == 8
    assert all(answer.text.count(row + "\n") + answer.text.endswith(row) >= 1 for row in rows)


CAFE = ["Espresso   2.40", "Coffee with milk   3.10", "Iced coffee   3.90", "Coffee   2.90", "Decaf   3.00",
        "Service is not included", "Seniors over 65   half price"]  # fmt: skip


@pytest.mark.parametrize("question, first", [
    ("How much is the coffee?", "Coffee   2.90"),
    ("What does an iced coffee cost?", "Iced coffee   3.90"),
    ("How much is a coffee with milk?", "Coffee with milk   3.10"),
    ("How much is the coffee without milk?", "Coffee   2.90"),
    ("Which coffee is under 3.10?", "Coffee   2.90"),
    ("What is not included?", "Service is not included"),
    ("What do people over 65 pay?", "Seniors over 65   half price"),
])  # fmt: skip
def test_of_rows_that_share_as_much_the_one_that_names_nothing_else_is_first(question, first):
    assert quoted(question, CAFE)[0] == first


@pytest.mark.parametrize("question, left_out", [
    ("How much is a coffee without milk?", "“without milk”"), ("Which coffee costs less than 3.00?", "“less than 3.00”"),
    ("Is there a decaf under €3.00?", "“under €3.00”"), ("Which coffees are between 3 and 4?", "“between 3 and 4”"),
    ("Which coffee has no milk?", "“no”"), ("Why isn't there a decaf?", "“isn't”"), ("All coffees except the iced one", "“except the iced”"),
    ("Is any espresso cheaper than 2.40 here?", "“cheaper than 2.40”"),
])  # fmt: skip
def test_what_turns_a_question_around_finds_no_row_and_is_said(question, left_out):
    answer = answered(question, CAFE).text
    assert f"Not taken into account: {left_out}." in answer
    assert quoted(question, CAFE)


@pytest.mark.parametrize("question", ["What is not included?", "What do people over 65 pay?", "Which gate is no. 5?", "Where is the note?", "How much is the coffee?"])  # fmt: skip
def test_words_that_are_printed_as_they_stand_are_taken_into_account(question):
    assert "taken into account" not in answered(question, CAFE).text


@pytest.mark.parametrize("question, rows", [("What is under 3.00?", CAFE), ("What costs less than 33.40?", RECEIPT), ("What is not 2.40?", CAFE)])  # fmt: skip
def test_a_number_to_compare_with_is_no_answer(question, rows):
    answer = answered(question, rows).text
    assert "Not taken into account: “" in answer
    if "not" not in question:
        assert not quoted(question, rows) and "(“3.00”)" not in answer and "(“33.40”)" not in answer


# --- what belongs to a row ------------------------------------------------------------------------

LETTER = ["Dear Mr Jones,", "Your appointment is NOT on Monday 3 May,", "but on Thursday 6 May at 14:30.", "The fee is 45 EUR.",
          "Refunds are paid in the same week only when", "the form arrives before Tuesday noon, and never", "without a stamp. Keep your copy.", "Dogs stay outside."]  # fmt: skip
DRINKS = ["Drinks", "fresh orange juice", "iced coffee with milk", "hot chocolate with cream"]


@pytest.mark.parametrize("question, rows, first", [
    ("When is the appointment?", LETTER, LETTER[1:3]),
    ("Is it on Thursday?", LETTER, LETTER[1:3]),
    ("How much is the fee?", LETTER, [LETTER[3]]),
    ("When are refunds paid?", LETTER, LETTER[4:7]),
    ("When does the form arrive?", LETTER, LETTER[4:7]),
    ("Do I need a stamp?", LETTER, LETTER[4:7]),
    ("Where do the dogs stay?", LETTER, [LETTER[7]]),
    ("Is there a pool?", ["The pool, the sauna and the steam-", "room are closed.", "Bar open"], ["The pool, the sauna and the steam-", "room are closed."]),
    ("Is the pool open?", ["The pool is open;", "10 to 14 on Sundays."], ["The pool is open;", "10 to 14 on Sundays."]),
    ("What coffee is there?", DRINKS, ["iced coffee with milk"]),
    ("Where is the lift?", ["The lift is beside", "Hall B   Hall C", "and so on."], ["The lift is beside"]),
    ("Where is the lift?", ["The lift is on one"] + ["of the many floors that are"] * 6, ["The lift is on one"] + ["of the many floors that are"] * 3),
])  # fmt: skip
def test_a_sentence_that_goes_on_is_quoted_with_its_other_rows(question, rows, first):
    assert quoted(question, rows) == first


@pytest.mark.parametrize("question, rows, label", [
    ("What is the e-mail?", ["Name:   Ada", "E-mail:", "Passport no.:   C01X00T47"], "E-mail:"),
    ("What is the date of birth?", ["Date of birth:", "Town: Oslo"], "Date of birth:"),
    ("How high is the fee?", ["Fee:", "Room no.: 14"], "Fee:"),
    ("What is the signature?", ["Town: Oslo", "Signature:"], "Signature:"),
    ("Who is the owner?", ["Town: Oslo   Owner:", "Age: 4"], "Owner:"),
])  # fmt: skip
def test_another_labels_value_is_not_what_stands_below(question, rows, label):
    answer = answered(question, rows).text
    assert "↳" not in answer and f"\n\nNothing was read beside “{label}”." in answer


@pytest.mark.parametrize("question, rows, below", [
    ("What is the e-mail?", ["E-mail:", "ada@example.org"], "ada@example.org"), ("When does it open?", ["Opening hours", "Mon–Fri: 9–17"], "Mon–Fri: 9–17"),
    ("When is the departure?", ["Departure:", "10:30"], "10:30"), ("What do I have to bring?", ["Items to bring:", "A towel"], "A towel"),
])  # fmt: skip
def test_a_value_below_its_label_is_quoted(question, rows, below):
    answer = answered(question, rows).text
    assert f"\n↳ {below}\n" in answer and "Nothing was read" not in answer


# --- codes ----------------------------------------------------------------------------------------

QR, EAN = "QR code: First code", "EAN-13 barcode: 4006381333931"


@pytest.mark.parametrize("question", ["What does the code say?", "Scan the barcode", "What is in the QR?", "Which EAN is it?", "Read the QR-codes please", "What are the codes?"])  # fmt: skip
@pytest.mark.parametrize("rows", [["Order 5531", "Ship to Oslo"], []])
def test_a_question_about_codes_is_answered_with_all_of_them_first(question, rows):
    answer = answered(question, rows, (QR, EAN))
    rest = "\n\nAlso in this picture:\n\n" + "\n".join(rows) if rows else ""
    assert answer.text == f"Codes in this picture:\n\n{QR}\n{EAN}{rest}{MEASURED}"
    assert [answer.text[slice(*region.span)] for region in answer.regions] == [QR, EAN]


def test_print_about_codes_follows_them():
    text = answered("What is the promo code?", ["Promo code SAVE5", "Enjoy"], (EAN,)).text
    assert text.startswith(f"Codes in this picture:\n\n{EAN}\n\nPrinted here,")
    assert text.partition("question:\n\n")[2].startswith("Promo code SAVE5\n\nAlso in")


@pytest.mark.parametrize("question, rows, codes", [
    ("What is the price?", ["Old price 99.00", "New price 79.00"], ()), ("What is the price?", ["Price 5"], ()), ("Where is example.org?", [], ("QR code: example.org",)),
])  # fmt: skip
def test_a_heading_has_something_below_it(question, rows, codes):
    answer = answered(question, rows, codes)
    assert "Also in this picture" not in answer.text and NOTHING not in answer.text
    assert answer.text.endswith("\n".join([*rows, *codes]) + MEASURED) and answer.fold is None


def test_a_code_that_shares_no_word_is_in_the_rest_without_empty_words():
    text = answered("Where is example.org?", [], ("QR code: example.org", EAN)).text
    assert text.endswith(f"\n\nAlso in this picture:\n\n{EAN}{MEASURED}") and NOTHING not in text


# --- what is said ---------------------------------------------------------------------------------


@pytest.mark.parametrize("question, rows", [("How far is Lake Loop?", PARK), ("What is the total?", RECEIPT), ("When does it open?", MUSEUM)])  # fmt: skip
def test_nothing_is_lost_and_the_quoted_rows_alone_are_lit(question, rows):
    answer = answered(question, rows)
    lines = [line.removeprefix("↳ ") for line in answer.text.split("\n")]
    assert sorted(line for line in lines if line in rows) == sorted(rows)
    assert answer.text.endswith(MEASURED) and answer.literal
    first = [line.removeprefix("↳ ") for line in quoted(question, rows)]
    assert [region.label for region in answer.regions] == [piece for row in first for piece in row.split("   ")]  # fmt: skip
    for region in answer.regions:
        assert answer.text[slice(*region.span)] == region.label


def test_the_note_says_that_nothing_is_understood_and_who_read():
    note = answered("What is the total?", RECEIPT).note
    assert note.startswith("Read on this machine.") and "not by understanding" in note


def test_words_that_are_not_printed_are_named():
    text = answered("Is the total of the invoice in dollars?", RECEIPT).text
    assert "Not found in print: “invoice” and “dollars”." in text


def test_another_spelling_is_named():
    text = answered("How far is the Visitor Centre?", PARK).text
    assert "“Center” is spelled nearly like “Centre”." in text and "Not found in print" not in text


@pytest.mark.parametrize(
    "question", ["Is there a dinosaur?", "¿Dónde?", "Who is the mayor?", "zzzzzz", "12345"]
)
def test_without_a_shared_word_it_says_so_and_gives_all_print(question):
    answer = answered(question, PARK)
    assert answer.text.startswith("Nothing that was read here shares a word with your question (“")
    assert answer.text.endswith(HEAD + "\n".join(PARK) + MEASURED) and answer.fold is None
    assert [answer.text[slice(*region.span)] for region in answer.regions] == [r.label for r in answer.regions]  # fmt: skip
    assert "not by understanding" not in answer.note


@pytest.mark.parametrize("question, missing", [
    ("What colour is the sign?", ""), ("Which colors are in this picture?", ""), ("How big is it?", ""), ("How wide is the image?", ""),
    ("What is the resolution of this picture", ""), ("Is the dinosaur coloured?", "dinosaur"), ("how tall is the Tower", "Tower"),
])  # fmt: skip
@pytest.mark.parametrize("rows", [PARK, []])
def test_size_and_colours_come_first_where_they_are_asked_for(question, missing, rows):
    printed = HEAD + ("\n".join(rows) or NOTHING)
    said = f"Nothing that was read here shares a word with your question (“{missing}”).\n\n"
    answer = answered(question, rows)
    first = f"Measured over the whole picture, not of one thing in it: {MEASURED.strip()}\n\n"
    assert answer.text == first + said * bool(missing and rows) + printed
    assert [answer.text[slice(*region.span)] for region in answer.regions] == [r.label for r in answer.regions]  # fmt: skip


@pytest.mark.parametrize("question, rows", [
    ("What colour is the shirt?", ["Shirt, colour navy   29.00", "Socks   4.00"]), ("How big is the total?", RECEIPT),
    ("What size is it?", ["Size M", "Cotton"]), ("How high is Eagle Point?", PARK),
])  # fmt: skip
def test_print_about_size_and_colours_comes_before_them(question, rows):
    assert quoted(question, rows) and answered(question, rows).text.endswith(MEASURED)


def test_without_print_the_answer_says_that_alone():
    answer = list(quote("What is the total?", [Chunk(HEAD + "nothing that could be read." + MEASURED, literal=True)]))[-1][0]  # fmt: skip
    assert answer.text == HEAD + "nothing that could be read." + MEASURED


def test_a_code_without_print_keeps_its_place():
    answer = list(quote("What is the total?", [Chunk(HEAD + "nothing that could be read.\n\nQR code: 7", (Region("QR code: 7", QUAD),), literal=True)]))[-1][0]  # fmt: skip
    assert [region.label for region in answer.regions] == ["QR code: 7"]


def test_while_it_reads_it_says_how_far_it_is():
    updates = [chunk for chunk, _ in quote("What is the total?", chunks(RECEIPT))]
    assert updates[3].status == "Reading: 3 pieces of print so far…" and not any(u.text for u in updates[:-1])  # fmt: skip


def test_a_code_stays_in_the_rest():
    answer = answered("What is the total?", RECEIPT, ("QR code: VLM",))
    assert "\n\nQR code: VLM\n\n" in answer.text[answer.fold :]


def test_the_rest_can_be_folded():
    chunk = answered("What is the total?", RECEIPT)
    reply = ask(Embedded(), find_model("meta/llama-3.2-11b-vision-instruct"), Prompt((Turn("user", "?"),)))  # fmt: skip
    reply.chunk = chunk
    shown, title, folded = split_fold(reply.answer)
    assert shown.text.endswith("TOTAL   $33.40") and title == "Also in this picture"
    assert folded.text.startswith("GREEN BASKET GROCERY") and "TOTAL   $33.40" not in folded.text
    assert folded.literal and shown.literal


# --- which questions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt", sorted({prompt for model in CATALOGUE for prompt in model.prompts})
)
def test_the_prompts_of_the_samples_are_general(prompt):
    assert not is_about_print(prompt) and not is_about_print(f" {prompt.upper()} ")


@pytest.mark.parametrize("question", [
    "Describe this image", "Describe the picture in detail.", "What do you see?", "What does the sign say?", "Read the text.", "What is this?",
    "Tell me about this photo", "", "  ", "?!", "Transcribe everything on this page", "What is written here?", "Summarize the document, please.",
    "What's in the picture", "Can you read this?", "What does it say", "List all the words",
])  # fmt: skip
def test_general_questions_are_not_quoted(question):
    assert not is_about_print(question)


@pytest.mark.parametrize("question, words", [
    ("How far is Lake Loop?", ["Lake", "Loop"]), ("What does the sign say about dogs?", ["dogs"]), ("When is the show?", ["show"]),
    ("Where do I sign?", ["sign"]), ("What is the total?", ["total"]), ("Who wrote the book?", ["wrote", "book"]),
    ("What's 5km away", ["5", "km"]), ("Gate B12?", ["Gate", "B12"]), ("Dog dog DOG?", ["Dog", "dog", "DOG"]),
])  # fmt: skip
def test_a_question_is_about_its_content_words(question, words):
    assert content_words(question) == words and is_about_print(question)


@pytest.mark.parametrize("text, words", [
    ("2.4 km, 5km; 14:30!", ["2.4", "km", "5", "km", "14:30"]), ("it's $33.40", ["it's", "33.40"]), ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
    ("e-mail/phone", ["e-mail/phone"]), ("", []), ("…–—", []),
])  # fmt: skip
def test_words_are_found_in_text(text, words):
    assert list(words_of(text)) == words


@pytest.mark.parametrize("one, other, same", [
    ("closing", "closes", True), ("ladies", "lady", True), ("boxes", "box", True), ("stopped", "stop", True), ("glass", "glas", False),
    ("bus", "bu", False), ("1,000", "1000", True), ("007", "7", True), ("0.5", "5", False), ("Straße", "STRASSE", True), ("thing", "th", False),
    ("need", "ne", False), ("this", "thi", False), ("12:30", "1230", False),
    ("child", "Children", True), ("people", "person", True), ("women", "woman", True), ("man", "woman", False), ("men", "mend", False),
    ("Tuesday", "Tue", True), ("thursdays", "Thurs", True), ("September", "Sept", True), ("Tuesday", "Thu", False), ("March", "May", False),
    ("bikes", "bicycle", True), ("telephone", "Tel", True), ("bike", "bib", False), ("leaves", "leaf", False), ("sun", "Sunday", False),
])  # fmt: skip
def test_forms_of_a_word(one, other, same):
    assert bool(forms(one) & forms(other)) == same


@pytest.mark.parametrize("word, printed, found", [
    ("Centre", "Center", True), ("recieve", "receive", True), ("accomodation", "accommodation", True), ("winter", "summer", False),
    ("house", "horse", False), ("booking", "cooking", False), ("2025ab", "2026ab", False), ("market", "basket", False),
])  # fmt: skip
def test_a_slip_of_the_pen_is_forgiven_in_long_words(word, printed, found):
    assert bool(similar(word, [printed])) == found


# --- from pixels ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name, question, first, regions", [
    ("sign.jpg", "How far is Lake Loop?", "Lake Loop", {"Lake Loop", "2.4 km"}),
    ("receipt.png", "What is the total?", "TOTAL", {"TOTAL", "$33.40"}),
])  # fmt: skip
@pytest.mark.parametrize("model", ["meta/llama-3.2-11b-vision-instruct", "google/paligemma"])
def test_a_samples_question_is_answered_from_its_print(name, question, first, regions, model):
    prompt = Prompt((Turn("user", question, (read(ASSETS / name),)),))
    answer = list(ask(Embedded(), find_model(model), prompt))[-1]
    assert answer.text.split("\n\n")[1].startswith(first)
    assert {region.label for region in answer.regions} == regions
    assert "not by understanding" in answer.note and f"not by {find_model(model).title}" in answer.note  # fmt: skip
