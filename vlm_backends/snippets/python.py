"""A call over the network as a Python program that needs nothing but `requests`."""

from textwrap import indent

from vlm_backends.engines.nvidia import DESCRIPTION
from vlm_backends.snippets.calls import WHERE, Address, Call, Shown, parts

_UPLOAD = f"""\
def upload(name, kind):
    \"\"\"The id of a new asset: announced first, then put at the address that NVIDIA signs for it.\"\"\"
    entry = {{"contentType": kind, "description": "{DESCRIPTION}"}}
    announced = requests.post(store, headers={{"accept": "application/json", **bearer}}, json=entry)
    announced.raise_for_status()
    assets.append(announced.json()["assetId"])
    signed = {{"x-amz-meta-nvcf-asset-description": "{DESCRIPTION}", "content-type": kind}}
    with open(name, "rb") as file:
        requests.put(announced.json()["uploadUrl"], headers=signed, data=file).raise_for_status()
    return assets[-1]"""

_POLLED = """\
while response.status_code == 202:  # not done yet
    time.sleep(1)
    response = requests.get(status + response.headers["NVCF-REQID"], headers=headers, stream=True)
"""

_REFUSED = """\
if not response.ok:
    sys.exit(f"{response.status_code}: {response.text}")
"""

_STREAMED = """\
for line in response.iter_lines(chunk_size=1):  # words are printed as they arrive
    event = line.removeprefix(b"data:").strip()
    if event.startswith(b"{"):
        event = json.loads(event)
        if "error" in event:
            sys.exit(f"\\n{event['error']}")
        for choice in event["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
print()"""

_UNZIPPED = """\
answer = response.content
if answer.startswith(b"PK"):  # it comes in a zip
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        answer = archive.read(next(name for name in archive.namelist() if name.endswith(".response")))
print(json.dumps(json.loads(answer), indent=2, ensure_ascii=False))"""

_WHOLE = "print(json.dumps(response.json(), indent=2, ensure_ascii=False))"


def python(call: Call) -> str:
    """The program: it reads the pictures' files beside it, asks, and prints the answer."""
    payload = f"payload = {_literal(call.body, call.pictures)}\n"
    asked = "\n".join([_pictures(call), payload, _asked(call), _answered(call)])
    if call.uploads:
        deleted = 'for asset in assets:\n    requests.delete(f"{store}/{asset}", headers=bearer)'
        asked = f"try:\n{indent(asked, '    ')}\nfinally:  # whatever happens\n{indent(deleted, '    ')}"
    return "\n".join([_needs(call), _imports(call), _headers(call), asked, ""])


def _needs(call: Call) -> str:
    """What must be there before it runs."""
    names = ", ".join(shown.name for shown in call.pictures)
    files = [f"# Reads {names} in this folder. {WHERE}"] if call.pictures else []
    key = [f"# Takes your key from the environment: export {call.key}=…"] if call.key else []
    return "\n".join([*files, *key, ""])


def _imports(call: Call) -> str:
    inline = len(call.uploads) < len(call.pictures)
    wanted = {
        "base64": inline,
        "io": call.zipped,
        "json": True,
        "os": call.key,
        "sys": True,
        "time": call.address.status,
        "zipfile": call.zipped,
    }
    lines = [f"import {name}" for name, needed in wanted.items() if needed]
    return "\n".join(
        [*lines, *(["from pathlib import Path"] if inline else []), "", "import requests", ""]
    )


def _headers(call: Call) -> str:
    """The headers of the question; with uploads, those of the asset store too."""
    bearer = f'"Authorization": "Bearer " + os.environ["{call.key}"]'
    usual = [f'"{name}": "{value}"' for name, value in call.headers.items()]
    if not call.uploads:
        return f"headers = {{{', '.join([*usual, *([bearer] if call.key else [])])}}}\n"
    return (
        f"store = {quoted(call.store)}\nbearer = {{{bearer}}}\n"
        f"headers = {{{', '.join([*usual, '**bearer'])}}}\n"
        f"assets = []  # their ids: all are deleted at the end\n\n\n{_UPLOAD}\n\n"
    )


def _pictures(call: Call) -> str:
    lines = []
    for shown in call.pictures:
        value = f'upload("{shown.name}", "{shown.picture.mime}")'
        if shown.way == "inline":
            value = f'base64.b64encode(Path("{shown.name}").read_bytes()).decode()'
        lines.append(f"{shown.variable} = {value}\n")
    if call.uploads:
        lines.append(
            'headers["NVCF-INPUT-ASSET-REFERENCES"] = headers["NVCF-FUNCTION-ASSET-IDS"] = ",".join(assets)\n'
        )
    return "".join(lines)


def _asked(call: Call) -> str:
    """The question; when a model has left its address, the same at the next one."""
    lines = [_posted(call.address)]
    if call.second:
        lines += [
            "if response.status_code in (404, 410):  # no longer there\n",
            indent(_posted(call.second), "    "),
        ]
    return "".join([*lines, _POLLED if call.address.status else "", _REFUSED])


def _posted(address: Address) -> str:
    url, status = (
        f"url = {quoted(address.url)}\n",
        f"status = {quoted(address.status)}\n" if address.status else "",
    )
    return (
        f"{url}{status}response = requests.post(url, headers=headers, json=payload, stream=True)\n"
    )


def _answered(call: Call) -> str:
    return _STREAMED if call.streams else _UNZIPPED if call.zipped else _WHOLE


def _literal(value: object, pictures: tuple[Shown, ...], margin: str = "") -> str:
    """A JSON value as Python spells it; where a picture is marked stands its variable."""
    inner = margin + "    "
    if isinstance(value, dict):
        items = [
            f"{quoted(name)}: {_literal(each, pictures, inner)}" for name, each in value.items()
        ]
    elif isinstance(value, list):
        items = [_literal(each, pictures, inner) for each in value]
    else:
        return _words(value, pictures) if isinstance(value, str) else repr(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if len(flat := ", ".join(items)) < 60:
        return f"{opening}{flat}{closing}"
    rows = "".join(f"{inner}{item},\n" for item in items)
    return f"{opening}\n{rows}{margin}{closing}"


def _words(text: str, pictures: tuple[Shown, ...]) -> str:
    cut = parts(text, pictures)
    if len(cut) == 1:
        return quoted(text)
    pieces = (
        f"{{{p.variable}}}" if isinstance(p, Shown) else p.replace("{", "{{").replace("}", "}}")
        for p in cut
    )
    return f"f{quoted(''.join(pieces))}"


def quoted(text: str) -> str:
    """The text as Python spells it, in double quotes where that takes no further escape."""
    spelled = repr(text)
    return spelled if '"' in spelled else f'"{spelled[1:-1]}"'
