"""Cases for test_charset.c: 'charset<TAB>bytes in hexadecimal<TAB>UTF-8 in hexadecimal' a line. The
bytes are the standard's own examples (PS3.5 annexes H, I, J and K) and names that pydicom encodes;
what is expected is what pydicom decodes."""
import sys

import pydicom.charset
from pydicom.valuerep import PersonName

EXAMPLES = [                            # (0008,0005), bytes
    ("\\ISO 2022 IR 87", "59616d6164615e5461726f753d1b24423b3345441b28425e1b244242404f3a1b28423d"
     "1b24422464245e24401b28425e1b2442243f246d24261b2842"),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", "d4cfc0de5ec0dbb33d1b24423b3345441b284a5e1b244242404f3a1b284a3d"
     "1b24422464245e24401b284a5e1b2442243f246d24261b284a"),
    ("\\ISO 2022 IR 149", "486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ced4d73d1b242943c8ab5e"
     "1b242943b1e6b5bf"),
    ("ISO_IR 192", "57616e675e5869616f446f6e673de78e8b5ee5b08fe69db13d"),
    ("GB18030", "57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d"),
    ("GBK", "cdf55ed0a1b6ab"),
    ("ISO_IR 100", "427563c9726f6d65"), ("ISO_IR 144", "bbeece5ed3d2c0"),
    ("ISO_IR 127", "e2c8c7e6ea5ee4e6d2c7d1"), ("ISO_IR 138", "f9f8e5ef5ee3e1e5f8e4"),
]
NAMES = {
    "ISO_IR 101": ["Wałęsa^Zdzisław", "Dvořák^Žofie"], "ISO_IR 109": ["Ĉapelo^Ŝia"],
    "ISO_IR 110": ["Bērziņš^Ēriks"], "ISO_IR 144": ["Иванов^Пётр"], "ISO_IR 126": ["Παπαδόπουλος^Ιωάννης"],
    "ISO_IR 138": ["שרון^דבורה"], "ISO_IR 148": ["Çavuşoğlu^Işıl"], "ISO_IR 166": ["นามสกุล^ชื่อ"],
    "ISO_IR 100": ["Müller^Jörg", "Ångström^Åsa"], "ISO_IR 192": ["Ñandú^Ünal=山田^太郎"],
    "GB18030": ["张^小东", "Zhang^𠀀"], "GBK": ["張^小東"],
    "ISO 2022 IR 6\\ISO 2022 IR 87": ["Yamada^Tarou=山田^太郎=やまだ^たろう"],
    "ISO 2022 IR 6\\ISO 2022 IR 149": ["Hong^Gildong=洪^吉洞=홍^길동"],
    "ISO 2022 IR 100\\ISO 2022 IR 144": ["Müller^Иван"],
}


# pydicom 2.3 leaves this set's escapes in the text: PS3.5 annex K says what it reads.
KNOWN = [("\\ISO 2022 IR 58", "5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab3d",
          "Zhang^XiaoDong=张^小东=")]


def encodings(charset):
    return pydicom.charset.convert_encodings(charset.split("\\") if "\\" in charset else charset)


def decode(charset, value):
    name = PersonName(value, encodings(charset), value)
    return str(name.decode(encodings(charset))) + ("=" if value.endswith(b"=") else "")


def main():
    cases = [(charset, bytes.fromhex(value)) for charset, value in EXAMPLES]
    for charset, names in NAMES.items():
        cases += [(charset, PersonName(name).encode(encodings(charset))) for name in names]
    for charset, value in cases:
        print(charset, value.hex(), decode(charset, value).encode().hex(), sep="\t")
    for charset, value, text in KNOWN:
        print(charset, value, text.encode().hex(), sep="\t")


if __name__ == "__main__":
    sys.exit(main())
