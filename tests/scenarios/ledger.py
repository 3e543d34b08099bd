#!/usr/bin/python3
"""A sender that keeps a ledger: ledger.py LEDGER PORT AE FOLDER [DEADLINE_S]

Sends every file of the folder by dcmtk's storescu, and writes the path of each into LEDGER
when its C-STORE was answered 0000 (with an fsync: what stands there was promised). What was
not acknowledged is sent again until it is, however often the node dies meanwhile.
The last line of its output: files, acknowledged, associations, sends without an answer.
"""
import os
import subprocess
import sys
import time

ledger_path, port, ae, folder = sys.argv[1:5]
deadline = time.monotonic() + float(sys.argv[5] if len(sys.argv) > 5 else 300)
waiting = sorted(os.path.join(folder, name) for name in os.listdir(folder))
total, acknowledged, associations, unanswered = len(waiting), 0, 0, 0

with open(ledger_path, "a", encoding="utf-8") as ledger:
    while waiting and time.monotonic() < deadline:
        associations += 1
        sender = subprocess.Popen(
            ["storescu", "-v", "-to", "5", "-td", "20", "-ta", "20", "-aet", "SCANNER", "-aec", ae, "-R",
             "127.0.0.1", port] + waiting,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        sending = None
        for line in sender.stdout:
            if "Sending file: " in line:
                sending = line.split("Sending file: ", 1)[1].strip()
            elif "Received Store Response (Success)" in line and sending:
                ledger.write(sending + "\n")
                ledger.flush()
                os.fsync(ledger.fileno())
                waiting.remove(sending)
                acknowledged += 1
                sending = None
        sender.wait()
        if sending:
            unanswered += 1
        if waiting:
            time.sleep(0.1)

print(f"files={total} acknowledged={acknowledged} associations={associations} unanswered={unanswered}")
sys.exit(0 if acknowledged == total else 1)
