"""odil_peer.py PORT CALLED COMMAND …, as ODIL, by the stack odil, which shares no code with the others:
echo | store FOLDER… | find ROOT LEVEL KEY=VALUE… | move PORT FOLDER LEVEL KEY=VALUE… | get FOLDER LEVEL
KEY=VALUE…: prints what was answered, a line an answer; 1 when something was refused."""
import os
import sys

import odil

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
ROOTS = {"patient": "1.2.840.10008.5.1.4.1.2.1.", "study": "1.2.840.10008.5.1.4.1.2.2."}
FIND, MOVE, GET = "1", "2", "3"
STORAGE = ["1.2.840.10008.5.1.4.1.1." + end for end in
           ("2", "4", "128", "7.4", "66.4", "88.34")]


def associated(port, called, classes, turned=()):
    context = odil.AssociationParameters.PresentationContext
    association = odil.Association()
    association.set_peer_host("127.0.0.1")
    association.set_peer_port(port)
    parameters = association.update_parameters()
    parameters.set_calling_ae_title("ODIL")
    parameters.set_called_ae_title(called)
    parameters.set_presentation_contexts(
        [context(name, [EXPLICIT, IMPLICIT], context.Role.SCU) for name in classes]
        + [context(name, [EXPLICIT, IMPLICIT], context.Role.SCP) for name in turned])
    association.associate()
    return association


def read_all(folders):
    for folder in folders:
        for base, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                yield odil.Reader.read_file(os.path.join(base, name))


def store(port, called, folders):
    found = list(read_all(folders))
    classes = sorted({head.as_string("MediaStorageSOPClassUID")[0].decode() for head, _ in found})
    association = associated(port, called, classes)
    for _, data in found:
        scu = odil.StoreSCU(association)
        scu.set_affected_sop_class(data)
        scu.store(data)
    association.release()
    print(f"stored {len(found)}")


def query_of(level, keys):
    query = odil.DataSet()
    query.add("QueryRetrieveLevel", [level.upper()])
    for key in keys:
        name, _, value = key.partition("=")
        if value:
            query.add(name, value.split("\\"))
        else:
            query.add(name)
    return query


def told(data, keys):
    parts = []
    for key in keys:
        name = key.partition("=")[0]
        tag = odil.Tag(name)
        parts.append("\\".join(v.decode() if isinstance(v, bytes) else str(v) for v in data[tag])
                     if data.has(tag) and not data.empty(tag) else "")
    return " ".join(parts)


def find(port, called, root, level, *keys):
    name = ROOTS[root] + FIND
    association = associated(port, called, [name])
    scu = odil.FindSCU(association)
    scu.set_affected_sop_class(name)
    for answer in scu.find(query_of(level, keys)):
        print(told(answer, keys))
    association.release()


def kept(folder, data):
    os.makedirs(folder, exist_ok=True)
    uid = data.as_string("SOPInstanceUID")[0].decode()
    odil.Writer.write_file(data, os.path.join(folder, uid + ".dcm"))


def move(port, called, own_port, folder, level, *keys):
    name = ROOTS["study"] + MOVE
    association = associated(port, called, [name])
    scu = odil.MoveSCU(association)
    scu.set_affected_sop_class(name)
    scu.set_move_destination("ODIL")
    scu.set_incoming_port(int(own_port))
    got = scu.move(query_of(level, keys))
    for data in got:
        kept(folder, data)
    association.release()
    print(f"moved {len(got)}")


def get(port, called, folder, level, *keys):
    name = ROOTS["study"] + GET
    association = associated(port, called, [name], STORAGE)
    scu = odil.GetSCU(association)
    scu.set_affected_sop_class(name)
    got = scu.get(query_of(level, keys))
    for data in got:
        kept(folder, data)
    association.release()
    print(f"got {len(got)}")


def echo(port, called):
    association = associated(port, called, ["1.2.840.10008.1.1"])
    scu = odil.EchoSCU(association)
    scu.set_affected_sop_class("1.2.840.10008.1.1")
    scu.echo()
    association.release()
    print("echoed")


COMMANDS = {"echo": echo, "find": find, "move": move, "get": get,
            "store": lambda port, called, *folders: store(port, called, folders)}

if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[3]](int(sys.argv[1]), sys.argv[2], *sys.argv[4:])
    except Exception as problem:            # odil's own classes and the bindings' differ
        sys.exit(f"{type(problem).__name__}: {problem}")
