"""What a server does with exported translators, without kerasgan: test_translation_serving.py runs
it as a process.

Arguments: a JSON {kind: path of an export}, an .npz of encoded pictures (as arrays of bytes), the
.npz file for the results. Prints RESULT and a JSON of how each bad request ended.
"""

import json
import sys

import numpy as np
import tensorflow as tf

WAYS = {
    "cyclegan": ["translate_a_to_b", "translate_b_to_a", "serving_default"],
    "pix2pix": ["translate"],
    "dualgan": ["translate_a_to_b", "translate_b_to_a"],
    "stargan": ["translate"],
    "attributes": ["translate"],
}
MORE = {
    "cyclegan": lambda n: {},
    "pix2pix": lambda n: {"seed": 5},
    "dualgan": lambda n: {"seed": 5},
    "stargan": lambda n: {"domains": np.arange(n) % 3},
    "attributes": lambda n: {"domains": np.eye(3, dtype=int)[np.arange(n) % 3]},
}


def ask(signature, images, **more):
    specs = signature.structured_input_signature[1]
    inputs = {name: tf.constant(value, specs[name].dtype) for name, value in more.items()}
    return signature(images=tf.constant(images, tf.string), **inputs)["png_bytes"].numpy()


def outcome(*arguments, **more):
    try:
        return f"no error: {ask(*arguments, **more)}"
    except Exception as error:
        return type(error).__name__


def main():
    exports = json.loads(sys.argv[1])
    stored = np.load(sys.argv[2])
    files = [stored[name].tobytes() for name in sorted(stored)]
    results, outcomes = {}, {}
    for kind, path in exports.items():
        loaded = tf.saved_model.load(path)
        for way in WAYS[kind]:
            signature, more = loaded.signatures[way], MORE[kind]
            pngs = ask(signature, files, **more(len(files)))
            for i, png in enumerate(pngs):
                results[f"{kind}/{way}/{i}"] = tf.io.decode_png(png).numpy()
            empty = ask(signature, np.zeros([0], dtype=object), **more(0))
            results[f"{kind}/{way}/empty"] = np.array(empty.shape)
            for bad in (b"", b"no picture", files[0][:60], files[0][:-40]):
                name = f"{kind}/{way}/{bad[:12]!r} of {len(bad)} bytes"
                outcomes[name] = outcome(signature, [files[0], bad], **more(2))
            outcomes[f"{kind}/{way}/too many"] = outcome(signature, files[:1] * 300, **more(300))
    signature = tf.saved_model.load(exports["stargan"]).signatures["translate"]
    for domains in ([3], [-1], [0, 0], []):
        outcomes[f"domains {domains}"] = outcome(signature, files[:1], domains=domains)
    signature = tf.saved_model.load(exports["attributes"]).signatures["translate"]
    for domains in ([[2, 0, 0]], [[0, -1, 0]], [[0, 0, 0]] * 2):
        outcomes[f"attributes {domains}"] = outcome(signature, files[:1], domains=domains)
    outcomes["modules"] = sorted({name.split(".")[0] for name in sys.modules} & {"kerasgan"})
    np.savez(sys.argv[3], **results)
    print("RESULT" + json.dumps(outcomes))


if __name__ == "__main__":
    main()
