"""Write a call over the network as a script for bash with curl and base64.

Words are in quoted here-documents and pictures go through pipes: nothing is expanded, and nothing
is too long for an argument. All of it is one subshell, so that it can be pasted into a terminal
whose options and traps stay as they are.
"""

import json
import shlex
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

_CURL = "curl --silent --show-error --fail-with-body"

_UPLOAD = f"""\
entry() {{ python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }}

upload() {{  # the id of a new asset: announced first, then put at the address \
that NVIDIA signs for it
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

_GONE = """\
echo  # behind what it said
grep -qE '^HTTP/[0-9.]+ (404|410)' "$reply"  # no longer there
"""

_UNZIPPED = """\
unzipped() {
  python3 -c '
import io, sys, zipfile
answer = sys.stdin.buffer.read()
if answer.startswith(b"PK"):
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        answer = archive.read(next(name for name in archive.namelist() \
if name.endswith(".response")))
print(answer.decode())'
}
"""


def write_shell(call: HttpCall) -> str:
    """Write a script that reads the pictures' files in its folder, asks, and prints the answer."""
    start = _requirements(call) + "(\nset -eo pipefail\n" + _variables(call)
    blocks = [start, _request_function(call)]
    if call.uploads:
        blocks += [_UPLOAD, "".join(_upload(sent) for sent in call.uploads)]
    if call.zipped:
        blocks.append(_UNZIPPED)
    return "\n".join([*blocks, _call_function(call), _question(call)]) + ")\n"


def _requirements(call: HttpCall) -> str:
    """Say what must be there before the script runs."""
    parser = " and python3, for the JSON of the asset store" if call.uploads else ""
    parser += " and for the zip of the answer" if call.zipped else ""
    lines = [f"# Needs bash, curl, base64{parser}."]
    if call.pictures:
        names = ", ".join(sent.name for sent in call.pictures)
        lines.append(f"# Reads {names} in this folder. {PICTURES_FROM}")
    if call.key:
        lines.append(f"# Takes your key from the environment: export {call.key}=…")
    if call.streams:
        lines.append('# Prints the events as they arrive; the words are their "content".')
    return "\n".join([*lines, ""])


def _variables(call: HttpCall) -> str:
    """Write the key's header, and the variables and the trap that clean up at the end."""
    lines = []
    if call.key:
        lines.append(f'bearer="Authorization: Bearer ${{{call.key}:?is not set}}"')
    if call.uploads:
        lines += [
            f"store={shlex.quote(call.asset_store)}",
            "assets=  # their ids: all are deleted at the end",
        ]
    if call.address.status:
        lines.append("reply=$(mktemp)  # the headers of the last reply")
        deleted = _DELETED if call.uploads else ""
        lines.append(f'ended() {{  # whatever happens\n{deleted}  rm -f "$reply"\n}}')
        lines.append("trap ended EXIT")
    return "".join(f"{line}\n" for line in lines)


def _upload(sent: SentPicture) -> str:
    return f"upload {sent.name} {sent.picture.mime}\n{sent.variable}=$asset\n"


def _request_function(call: HttpCall) -> str:
    """Write a function that prints the JSON.

    Each piece is on lines of its own, because line ends mean nothing in JSON.
    """
    pieces = []
    for part in split_at_marks(_json(call.body), call.pictures):
        if isinstance(part, str):
            pieces.append(f"    cat <<'JSON'\n{part}\nJSON\n")
        else:
            read = f"base64 < {part.name}" if part.way == "inline" else f'echo "${part.variable}"'
            pieces.append(f"    {read}\n")
    return f"request() {{\n  {{\n{''.join(pieces)}  }} | tr -d '\\n'\n}}\n"


def _call_function(call: HttpCall) -> str:
    """Write a function that calls a URL; it follows a redirect, to which curl gives no key."""
    lines = [f"{_CURL} --no-buffer"]
    lines += ['--location --dump-header "$reply"'] if call.address.status else []
    lines += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in call.headers.items()]
    lines += ['--header "$bearer"'] if call.key else []
    if call.uploads:
        lines += [f'--header "{name}: $assets"' for name in ASSET_HEADERS]
    return "call() {\n  " + " \\\n    ".join([*lines, '"$@"']) + "\n}\n"


def _question(call: HttpCall) -> str:
    """Write the request; when the model is gone from its address, the same at the fallback."""
    progress, request = _progress(call.address), _request(call.address)
    text = f"{progress}{request}\n"
    if call.fallback:
        again = f"{_GONE}{_progress(call.fallback)}{_request(call.fallback)}\n"
        text = f"{progress}if ! {request}; then\n{indent(again, '  ')}fi\n"
    text += _POLLED if call.address.status else ""
    return f"{{\n{text}}} | unzipped\n" if call.zipped else text


def _progress(address: CallAddress) -> str:
    return f"progress={shlex.quote(address.status)}\n" if address.status else ""


def _request(address: CallAddress) -> str:
    return (
        f"request | call {shlex.quote(address.url)} \\\n"
        "  --header 'Content-Type: application/json' --data-binary @-"
    )


def _json(body: dict) -> str:
    """Write the body as JSON; characters that cannot be printed are escaped."""
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
