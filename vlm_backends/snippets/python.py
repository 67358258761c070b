"""Write a call over the network as a Python program that needs nothing but `requests`."""

from textwrap import indent

from vlm_backends.engines.nvidia import DESCRIPTION
from vlm_backends.snippets.http_calls import (
    ASSET_HEADERS,
    PICTURES_FROM,
    CallAddress,
    HttpCall,
    SentPicture,
    split_at_marks,
)

_UPLOAD = f"""\
def upload(name, kind):
    \"\"\"The id of a new asset: announced first, then put at the address \
that NVIDIA signs for it.\"\"\"
    entry = {{"contentType": kind, "description": "{DESCRIPTION}"}}
    announced = requests.post(store, headers={{"accept": "application/json", **bearer}}, json=entry)
    announced.raise_for_status()
    assets.append(announced.json()["assetId"])
    signed = {{"x-amz-meta-nvcf-asset-description": "{DESCRIPTION}", "content-type": kind}}
    with open(name, "rb") as file:
        requests.put(announced.json()["uploadUrl"], headers=signed, data=file).raise_for_status()
    return assets[-1]"""

_TRIED = """\
try:
{work}
finally:  # whatever happens
    for asset in assets:
        requests.delete(f"{{store}}/{{asset}}", headers=bearer)"""

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
        answer = archive.read(next(name for name in archive.namelist() \
if name.endswith(".response")))
print(json.dumps(json.loads(answer), indent=2, ensure_ascii=False))"""

_WHOLE = "print(json.dumps(response.json(), indent=2, ensure_ascii=False))"


def write_python(call: HttpCall) -> str:
    """Write a program that reads the pictures' files in its folder, asks, and prints the answer."""
    payload = f"payload = {_literal(call.body, call.pictures)}\n"
    work = "\n".join([_pictures(call), payload, _question(call), _output(call)])
    if call.uploads:
        work = _TRIED.format(work=indent(work, "    "))
    return "\n".join([_requirements(call), _imports(call), _headers(call), work, ""])


def _requirements(call: HttpCall) -> str:
    """Say what must be there before the program runs."""
    names = ", ".join(sent.name for sent in call.pictures)
    files = [f"# Reads {names} in this folder. {PICTURES_FROM}"] if call.pictures else []
    key = [f"# Takes your key from the environment: export {call.key}=…"] if call.key else []
    return "\n".join([*files, *key, ""])


def _imports(call: HttpCall) -> str:
    inline = len(call.uploads) < len(call.pictures)
    modules = {
        "base64": inline,
        "io": call.zipped,
        "json": True,
        "os": call.key,
        "sys": True,
        "time": call.address.status,
        "zipfile": call.zipped,
    }
    lines = [f"import {name}" for name, needed in modules.items() if needed]
    return "\n".join(
        [*lines, *(["from pathlib import Path"] if inline else []), "", "import requests", ""]
    )


def _headers(call: HttpCall) -> str:
    """Write the question's headers; with uploads, those of the asset store too."""
    bearer = f'"Authorization": "Bearer " + os.environ["{call.key}"]'
    usual = [f'"{name}": "{value}"' for name, value in call.headers.items()]
    if not call.uploads:
        return f"headers = {{{', '.join([*usual, *([bearer] if call.key else [])])}}}\n"
    return (
        f"store = {quoted(call.asset_store)}\nbearer = {{{bearer}}}\n"
        f"headers = {{{', '.join([*usual, '**bearer'])}}}\n"
        f"assets = []  # their ids: all are deleted at the end\n\n\n{_UPLOAD}\n\n"
    )


def _pictures(call: HttpCall) -> str:
    lines = []
    for sent in call.pictures:
        value = f'upload("{sent.name}", "{sent.picture.mime}")'
        if sent.way == "inline":
            value = f'base64.b64encode(Path("{sent.name}").read_bytes()).decode()'
        lines.append(f"{sent.variable} = {value}\n")
    if call.uploads:
        names = " = ".join(f'headers["{name}"]' for name in ASSET_HEADERS)
        lines.append(f'{names} = ",".join(assets)\n')
    return "".join(lines)


def _question(call: HttpCall) -> str:
    """Write the request; when the model is gone from its address, the same at the fallback."""
    lines = [_request(call.address)]
    if call.fallback:
        lines += [
            "if response.status_code in (404, 410):  # no longer there\n",
            indent(_request(call.fallback), "    "),
        ]
    return "".join([*lines, _POLLED if call.address.status else "", _REFUSED])


def _request(address: CallAddress) -> str:
    url = f"url = {quoted(address.url)}\n"
    status = f"status = {quoted(address.status)}\n" if address.status else ""
    post = "response = requests.post(url, headers=headers, json=payload, stream=True)\n"
    return url + status + post


def _output(call: HttpCall) -> str:
    """Write the code that prints the answer."""
    if call.streams:
        return _STREAMED
    return _UNZIPPED if call.zipped else _WHOLE


def _literal(value: object, pictures: tuple[SentPicture, ...], margin: str = "") -> str:
    """Write a JSON value as Python; a picture's mark becomes its variable."""
    inner = margin + "    "
    if isinstance(value, dict):
        items = [
            f"{quoted(name)}: {_literal(each, pictures, inner)}" for name, each in value.items()
        ]
    elif isinstance(value, list):
        items = [_literal(each, pictures, inner) for each in value]
    else:
        return _string(value, pictures) if isinstance(value, str) else repr(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if len(flat := ", ".join(items)) < 60:
        return f"{opening}{flat}{closing}"
    rows = "".join(f"{inner}{item},\n" for item in items)
    return f"{opening}\n{rows}{margin}{closing}"


def _string(text: str, pictures: tuple[SentPicture, ...]) -> str:
    """Write a string; one with pictures in it as an f-string."""
    parts = split_at_marks(text, pictures)
    if len(parts) == 1:
        return quoted(text)
    pieces = (
        part.replace("{", "{{").replace("}", "}}")
        if isinstance(part, str)
        else f"{{{part.variable}}}"
        for part in parts
    )
    return f"f{quoted(''.join(pieces))}"


def quoted(text: str) -> str:
    """Write the text as Python, in double quotes where that takes no further escape."""
    spelled = repr(text)
    return spelled if '"' in spelled else f'"{spelled[1:-1]}"'
