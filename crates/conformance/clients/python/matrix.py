"""One client of the conversion matrix: `matrix.py FACE` does what lines of JSON on stdin ask for, a line of JSON each.

    {"do": "send", "to": ADDRESS, "message": MESSAGE}   -> {"unsaid": [names of what this client cannot say]}
    {"do": "listen", "to": ADDRESS}                     -> {}     from now on the topic's messages are kept
    {"do": "take", "to": ADDRESS}                       -> {"message": MESSAGE}   the next one, settled
    {"do": "return", "to": ADDRESS}                     -> {"message": MESSAGE}   the next one, given back

ADDRESS is `{"queue": name}` or `{"topic": [words]}`. A MESSAGE has, where it says so:

    body            [type, value]: "string", "binary", or a typed value
    properties      {name: [type, value]}, the publisher's own
    correlation_id, message_id    [type, value]
    reply_to        ADDRESS
    content_type, subject, group  text
    priority, ttl (milliseconds), timestamp (milliseconds since the epoch), durable
    redelivered, count            of a message that was taken

Values are `[type, value]` in AMQP 1.0's types; binary is Base64, a list has such pairs, and a map [name, pair] pairs.
"integer" is a whole number whose width the client library does not tell.
"""

import base64
import importlib
import json
import sys


def decode(pair, **types):
    """The Python object for `[type, value]`; `types` has functions for types that the client has classes for."""
    kind, value = pair
    if kind == "binary":
        value = base64.b64decode(value)
    elif kind == "list":
        value = [decode(item, **types) for item in value]
    elif kind == "map":
        value = {name: decode(item, **types) for name, item in value}
    return types.get(kind, lambda it: it)(value)


def encode(value, name_of=lambda value: None):
    """`[type, value]` for a Python object; `name_of` knows the client's own classes."""
    kind = name_of(value)
    if kind:
        return [kind, str(value) if kind in ("uuid", "symbol", "char") else value]
    match value:
        case None:
            return ["null", None]
        case bool():
            return ["bool", value]
        case int():
            return ["integer", value]
        case float():
            return ["double", value]
        case str():
            return ["string", value]
        case bytes() | bytearray() | memoryview():
            return ["binary", base64.b64encode(bytes(value)).decode()]
        case list() | tuple():
            return ["list", [encode(item, name_of) for item in value]]
        case dict():
            return ["map", sorted([str(name), encode(item, name_of)] for name, item in value.items())]
    return [type(value).__name__, str(value)]


def unsaid(message, *sayable):
    """What a message says beside its body and what every client can say."""
    return sorted(set(message) - {"body"} - set(sayable))


def main():
    face = importlib.import_module(f"matrix_{sys.argv[1]}").Face()
    acts = {"send": face.send, "listen": face.listen, "take": face.take, "return": face.give_back}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            arguments = [asked["to"]] + ([asked["message"]] if "message" in asked else [])
            answer = acts[asked["do"]](*arguments)
            if asked["do"] == "send":
                answer = {"unsaid": answer}
            elif asked["do"] == "listen":
                answer = {}
            else:
                answer = {"message": answer}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
