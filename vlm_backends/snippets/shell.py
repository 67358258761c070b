"""A call over the network as a script for bash with curl and base64.

Words stand in quoted here-documents and pictures go through pipes: nothing is expanded, and nothing is too long for an
argument. The whole is one subshell, so that it can be pasted into a terminal, whose options and traps stay as they are.
"""

import json
import shlex
from textwrap import indent

from vlm_backends.engines.nvidia import DESCRIPTION
from vlm_backends.snippets.calls import WHERE, Address, Call, Shown, parts

_CURL = "curl --silent --show-error --fail-with-body"

_UPLOAD = f"""\
entry() {{ python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }}

upload() {{  # the id of a new asset: announced first, then put at the address that NVIDIA signs for it
  announced=$({_CURL} "$store" \\
    --header 'accept: application/json' \\
    --header "$bearer" \\
    --header 'Content-Type: application/json' \\
    --data "{{\\"contentType\\": \\"$2\\", \\"description\\": \\"{DESCRIPTION}\\"}}")
  asset=$(entry assetId <<< "$announced")
  assets="${{assets:+$assets,}}$asset"
  {_CURL} --upload-file "$1" "$(entry uploadUrl <<< "$announced")" \\
    --header 'x-amz-meta-nvcf-asset-description: {DESCRIPTION}' \\
    --header "content-type: $2"
}}
"""

_DELETED = f"""\
  for asset in ${{assets//,/ }}; do
    {_CURL} --request DELETE "$store/$asset" --header "$bearer" || true
  done
"""

_POLLED = """\
while grep -qE '^HTTP/[0-9.]+ 202' "$reply"; do  # not done yet
  sleep 1
  call "$progress$(grep -i '^nvcf-reqid:' "$reply" | tr -d ' \\r' | cut -d : -f 2)"
done
"""

_UNZIPPED = """\
unzipped() {
  python3 -c '
import io, sys, zipfile
answer = sys.stdin.buffer.read()
if answer.startswith(b"PK"):
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        answer = archive.read(next(name for name in archive.namelist() if name.endswith(".response")))
print(answer.decode())'
}
"""


def shell(call: Call) -> str:
    """The script: it reads the pictures' files in its folder, asks, and prints the answer as it comes."""
    blocks = [_needs(call) + "(\nset -eo pipefail\n" + _start(call), _request(call)]
    if call.uploads:
        blocks += [_UPLOAD, "".join(_uploaded(shown) for shown in call.uploads)]
    if call.zipped:
        blocks.append(_UNZIPPED)
    return "\n".join([*blocks, _call(call), _asked(call)]) + ")\n"


def _needs(call: Call) -> str:
    """What must be there before it runs."""
    parser = " and python3, for the JSON of the asset store" if call.uploads else ""
    parser += " and for the zip of the answer" if call.zipped else ""
    lines = [f"# Needs bash, curl, base64{parser}."]
    if call.pictures:
        names = ", ".join(shown.name for shown in call.pictures)
        lines.append(f"# Reads {names} in this folder. {WHERE}")
    if call.key:
        lines.append(f"# Takes your key from the environment: export {call.key}=…")
    if call.streams:
        lines.append('# Prints the events as they arrive; the words are their "content".')
    return "\n".join([*lines, ""])


def _start(call: Call) -> str:
    """The key's header, and what is taken back at the end."""
    lines = []
    if call.key:
        lines.append(f'bearer="Authorization: Bearer ${{{call.key}:?is not set}}"')
    if call.uploads:
        lines += [
            f"store={shlex.quote(call.store)}",
            "assets=  # their ids: all are deleted at the end",
        ]
    if call.address.status:
        lines.append("reply=$(mktemp)  # the headers of the last reply")
        lines.append(
            f"""ended() {{  # whatever happens\n{_DELETED if call.uploads else ""}  rm -f "$reply"\n}}"""
        )
        lines.append("trap ended EXIT")
    return "".join(f"{line}\n" for line in lines)


def _uploaded(shown: Shown) -> str:
    return f"upload {shown.name} {shown.picture.mime}\n{shown.variable}=$asset\n"


def _request(call: Call) -> str:
    """A function that writes the JSON, in which line ends mean nothing: each piece stands on lines of its own."""
    pieces = []
    for part in parts(_json(call.body), call.pictures):
        if isinstance(part, str):
            pieces.append(f"    cat <<'JSON'\n{part}\nJSON\n")
        else:
            read = f"base64 < {part.name}" if part.way == "inline" else f'echo "${part.variable}"'
            pieces.append(f"    {read}\n")
    return f"request() {{\n  {{\n{''.join(pieces)}  }} | tr -d '\\n'\n}}\n"


def _call(call: Call) -> str:
    """A function that calls an address; it follows a redirect, to which curl gives no key."""
    lines = [f"{_CURL} --no-buffer"]
    lines += ['--location --dump-header "$reply"'] if call.address.status else []
    lines += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in call.headers.items()]
    lines += ['--header "$bearer"'] if call.key else []
    if call.uploads:
        lines += [
            f'--header "{name}: $assets"'
            for name in ("NVCF-INPUT-ASSET-REFERENCES", "NVCF-FUNCTION-ASSET-IDS")
        ]
    return "call() {\n  " + " \\\n    ".join([*lines, '"$@"']) + "\n}\n"


def _asked(call: Call) -> str:
    """The question; when the model has left its address, the same at the second one."""
    text = f"{_progress(call.address)}{_posted(call.address)}\n"
    if call.second:
        gone = """echo  # behind what it said\ngrep -qE '^HTTP/[0-9.]+ (404|410)' "$reply"  # no longer there\n"""
        again = indent(f"{gone}{_progress(call.second)}{_posted(call.second)}\n", "  ")
        text = f"{_progress(call.address)}if ! {_posted(call.address)}; then\n{again}fi\n"
    text += _POLLED if call.address.status else ""
    return f"{{\n{text}}} | unzipped\n" if call.zipped else text


def _progress(address: Address) -> str:
    return f"progress={shlex.quote(address.status)}\n" if address.status else ""


def _posted(address: Address) -> str:
    return (
        f"request | call {shlex.quote(address.url)} \\\n"
        "  --header 'Content-Type: application/json' --data-binary @-"
    )


def _json(body: dict) -> str:
    """The JSON, in letters where they can be seen."""
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
