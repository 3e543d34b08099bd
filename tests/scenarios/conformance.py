"""conformance.py PORT TEXT HTML: each SOP class and transfer syntax that the statement lists is accepted when it
is proposed, one that it does not list is refused, and the HTML is well-formed."""
import os
import re
import socket
import struct
import sys
from html.parser import HTMLParser

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dimse import item, pdu, receive, uid


def accepted(port, abstract, syntax):
    """The result of one proposed context: 0 is acceptance."""
    context = item(0x20, b"\x01\0\0\0" + item(0x30, uid(abstract)) + item(0x40, uid(syntax)))
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4"))
    request = pdu(1, struct.pack(">HH", 1, 0) + b"TUMORD".ljust(16) + b"FINDSCU".ljust(16) + bytes(32)
                  + item(0x10, uid("1.2.840.10008.3.1.1.1")) + context + user)
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as connection:
        connection.sendall(request)
        kind, body = receive(connection)
        if kind != 2:
            return -kind
        at = 68
        while body[at] != 0x21:
            at += 4 + struct.unpack(">H", body[at + 2:at + 4])[0]
        return body[at + 6]


class Checker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            sys.exit(f"</{tag}> ends another element")


def main(port, text, html):
    with open(text, encoding="utf-8") as file:
        lines = file.read().splitlines()
    with open(html, encoding="utf-8") as file:
        Checker().feed(file.read())
    classes = [line.split(" | ")[1] for line in lines if re.match(r"  .* \| 1\.2\.840[\d.]+$", line)]
    syntaxes = [line.split(" | ")[1] for line in lines if line.endswith((" | decoded", " | stored only"))]
    if len(classes) < 100 or len(syntaxes) < 30:
        sys.exit(f"only {len(classes)} classes and {len(syntaxes)} syntaxes")
    wrong = [one for one in classes if accepted(port, one, "1.2.840.10008.1.2") != 0]
    wrong += [one for one in syntaxes if accepted(port, "1.2.840.10008.5.1.4.1.1.2", one) != 0]
    wrong += [one for one in ("1.2.840.10008.5.1.4.31", "1.2.840.10008.5.1.4.1.1.999", "1.2.3")
              if accepted(port, one, "1.2.840.10008.1.2") == 0]
    wrong += [one for one in ("1.2.840.10008.1.2.4.52", "1.2.3.4") if accepted(port, "1.2.840.10008.5.1.4.1.1.2", one) == 0]
    print("not as it says:", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
