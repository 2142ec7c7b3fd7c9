"""A page to explore a trained generator by hand: sliders along the directions found in its latents,
truncation, labels, the way between two seeds, and pictures of one's own projected.

Pick a `.keras` file or an exported SavedModel, and move. The directions are those of
`kerasgan.latent.directions`: SeFa (Shen & Zhou 2021), GANSpace (Harkonen et al. 2020) and, for grey
pictures, those along which a measured attribute (stroke width, slant, ...) changes most. An export
has only the last, and no projection: both need what is inside the network. Every picture can be
downloaded.

The page is served by Gradio (`pip install "kerasgan[explorer]"`) to this machine alone, unless
--host says otherwise: whoever reaches it can use it. It needs no network, reports to nobody, and
takes pictures of up to 5 MB, which are deleted after a day.

Command: python recipes/explorer.py --models=runs,saved_models
    (then open the address that it prints; --smoke serves a new model, asks for the page and ends)
Time: a move of a slider is answered, with the picture, in 16 to 55 ms (medians of 30, over HTTP) by
    models of 28 x 28 pixels, for 1, 4 or 16 pictures, on two busy CPU cores; a picture is projected
    in 4 s.
"""

import functools
import importlib.util
import io
import os
import tempfile
import urllib.request

import numpy as np
from absl import flags

from kerasgan import models, pictures, runs
from kerasgan.data import pictures as encoded
from kerasgan.latent import explorer

MODELS = flags.DEFINE_list("models", ["runs", "saved_models"], "Folders in which models are found")
HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to serve on; 0.0.0.0: to all machines")
PORT = flags.DEFINE_integer("port", 7860, "Port to serve on; 0: any that is free", 0, 65535)
SMOKE = flags.DEFINE_bool("smoke", False, "Serve a new model, ask for the page, and end")

SLIDERS = 6
REACH = 3.0  # deviations of a latent, to each end of a slider
NO_TRUNCATION = 3.0  # the right end of its slider
LARGEST_SEED = 2**31 - 1
HEIGHT = 336  # pixels of a picture on the page, about
LARGEST_BYTES = 5 * 2**20  # of an upload
LARGEST_SIDE = 4096  # pixels
DAY = 86_400  # seconds


def read_picture(data, image_shape, negative=False):
    """An uploaded file's bytes as a model's picture (1, H, W, C) in [-1, 1], its middle cut out.

    Raises:
        ValueError: what the page tells a person whose file is no such picture.
    """
    if not 0 < len(data) <= LARGEST_BYTES:
        raise ValueError(
            f"The file must hold something, and 5 MB at most. Received: {len(data)} bytes"
        )
    try:
        check_head(data)
        pixels = encoded.decode(data)
    except OSError as error:
        raise ValueError(f"The file is no picture that can be read: {error}.") from error
    image = encoded.fit(pixels, image_shape[:2], image_shape[-1], "center", "uint8")
    image = image[np.newaxis].astype("float32") / 127.5 - 1.0
    return -image if negative else image


def check_head(data):
    """Refuses, before it is decoded, what is no PNG or JPEG (OSError) or too large (ValueError): a
    small file can hold a huge picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as head:
            width, height = head.size
    except UnidentifiedImageError as error:
        raise OSError("it is neither PNG nor JPEG") from error
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise OSError(str(error)) from error
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(
            f"A picture may have {LARGEST_SIDE} pixels a side. Received: {width} x {height}"
        )


def picture(images, columns=None):
    """Images side by side, enlarged for the page: uint8 array (height, width[, channels])."""
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    scale = max(1, HEIGHT // (max(rows, min(columns, 4)) * images.shape[1]))
    grid = pictures.image_grid(images, columns, scale=scale)
    return grid[..., 0] if grid.shape[-1] == 1 else grid


def truncated(slider):
    """The truncation that its slider means: None at the right end."""
    return None if slider >= NO_TRUNCATION else slider


def only_uploads(component):
    """Has a `gradio.File` take uploaded files alone: Gradio would download, without limit, whatever
    address a client names in place of an upload.
    """
    import gradio as gr

    move = component.async_move_resource_to_block_cache

    async def checked(path):
        if str(path).lower().startswith(("http:", "https:")):
            raise gr.Error("Upload the picture itself, not its address.", print_exception=False)
        return await move(path)

    component.async_move_resource_to_block_cache = checked


def build_page(shelf):
    """The page over a `kerasgan.latent.explorer.Shelf`: a `gradio.Blocks`."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    def answering(function):
        """`function`, of the open model instead of its name; its errors become messages."""

        @functools.wraps(function)
        def answer(name, *arguments):
            try:
                return function(shelf.open(name), *arguments)
            except ValueError as error:
                raise gr.Error(str(error), print_exception=False) from error

        return answer

    @answering
    def pick(model):
        classes = model.space.num_classes
        method = gr.update(choices=model.methods, value=next(iter(model.methods), None))
        labels = gr.update(choices=list(range(classes or 1)), value=0, visible=bool(classes))
        return model.about(), method, labels, None

    @answering
    def choose(model, method):
        names = list(model.directions(method)) if method else []
        names += [""] * (SLIDERS - len(names))
        return [gr.update(label=name, value=0, visible=name != "") for name in names]

    @answering
    def move(model, found, count, seed, truncation, label, method, *places):
        if found and found["model"] == model.name:  # else it landed after another was picked
            latents = np.asarray(found["latents"])
        else:
            latents = model.space.draw(count, int(seed or 0), truncated(truncation))
        if method:
            latents = model.moved(latents, method, places)
        return picture(model.images(latents, label or 0))

    @answering
    def between(model, first, last, truncation, label, share):
        shares = [share, *np.linspace(0.0, 1.0, 9)]
        seeds = int(first or 0), int(last or 0)
        images = model.images(model.between(seeds, shares, truncated(truncation)), label or 0)
        return picture(images[:1]), picture(images[1:], columns=9)

    @answering
    def project(model, data, negative, label):
        if data is None:
            raise ValueError("Choose a picture first: PNG or JPEG, 5 MB at most.")
        image = read_picture(data, model.space.image_shape, negative)
        made = model.project(image, None if model.space.num_classes is None else label)
        said = f"Mean squared error of a pixel: {made.errors[0]:.3f}, of a range 2 wide."
        latents = {"model": model.name, "latents": made.latents.tolist()}
        return picture(np.concatenate([image, made.images]), 2), said, latents

    def shown(label, name):
        buttons = ["download", "fullscreen"]
        return gr.Image(format="png", interactive=False, label=label, elem_id=name, buttons=buttons)

    def seed_box(value, label, name):
        return gr.Number(value, label=label, precision=0, minimum=0, maximum=LARGEST_SEED,
                         elem_id=name)  # fmt: skip

    with gr.Blocks(
        title="kerasgan explorer", analytics_enabled=False, delete_cache=(DAY, DAY)
    ) as page:
        found = gr.State(None)  # of the person's picture: {"model", "latents"}; None: drawn ones
        names = list(shelf.stored)
        name = gr.Dropdown(names, value=names[0], label="Model", elem_id="model")
        about = gr.Markdown(elem_id="about")
        with gr.Row():
            seed = seed_box(0, "Seed", "seed")
            truncation = gr.Slider(
                0.05, NO_TRUNCATION, NO_TRUNCATION, step=0.05,
                label="Truncation (right end: none)", elem_id="truncation",
            )  # fmt: skip
            label = gr.Dropdown([0], value=0, label="Label", visible=False, elem_id="label")
        with gr.Tab("Directions"), gr.Row():
            with gr.Column():
                with gr.Row():
                    method = gr.Radio(
                        list(explorer.METHODS), label="Directions by", elem_id="method"
                    )
                    count = gr.Radio([1, 4, 16], value=4, label="Pictures", elem_id="count")
                sliders = [
                    gr.Slider(-REACH, REACH, 0, step=0.1, visible=False, elem_id=f"slider-{i}")
                    for i in range(SLIDERS)
                ]
                reset = gr.Button("All to the middle", elem_id="reset")
            samples = shown("Samples", "samples")
        with gr.Tab("Between two seeds"), gr.Row():
            with gr.Column():
                ends = [seed_box(0, "Seed A", "seed-a"), seed_box(1, "Seed B", "seed-b")]
                share = gr.Slider(0, 1, 0.5, step=0.01, label="From A to B", elem_id="share")
                whole = shown("The way", "way")
            here = shown("Here", "here")
        with gr.Tab("A picture of yours"), gr.Row():
            with gr.Column():
                types = [".png", ".jpg", ".jpeg"]
                upload = gr.File(
                    type="binary", file_types=types, label="PNG or JPEG, up to 5 MB",
                    elem_id="upload",
                )  # fmt: skip
                only_uploads(upload)
                negative = gr.Checkbox(label="Negative (dark strokes on a light ground)")
                start = gr.Button("Find its latents", variant="primary", elem_id="project")
                leave = gr.Button("Back to drawn latents", elem_id="leave")
            with gr.Column():
                pair = shown("Yours, the model's", "pair")
                said = gr.Markdown("What is found becomes the start of the sliders.")

        moves = {"fn": move, "outputs": samples}
        moves["inputs"] = [name, found, count, seed, truncation, label, method, *sliders]
        ways = {"fn": between, "outputs": [here, whole]}
        ways["inputs"] = [name, *ends, truncation, label, share]
        choices = {"fn": choose, "inputs": [name, method], "outputs": sliders}
        for event in (page.load, name.select):
            picked = event(pick, name, [about, method, label, found])
            picked.success(**choices).success(**moves).success(**ways)
        # Not queued: a move is answered at once, and only the last of those that wait counts.
        quick = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
        movers = (*sliders, count, seed, label, truncation)
        gr.on([mover.input for mover in movers], **moves, **quick, api_name="move")
        gr.on([e.input for e in (*ends, share, truncation, label)], **ways, **quick)
        gr.on([method.input, reset.click], **choices).success(**moves)
        projected = start.click(
            project, [name, upload, negative, label], [pair, said, found], api_name="project"
        )
        projected.success(**moves)
        leave.click(lambda: None, None, found).then(**moves)
    return page


def serve(page, host, port):
    """Serves the page; returns its address while it goes on in threads. RunError: it can't."""
    try:
        _, address, _ = page.launch(
            server_name=host, server_port=port, share=False, prevent_thread_lock=True, quiet=True,
            max_file_size=LARGEST_BYTES, ssr_mode=False, footer_links=[], enable_monitoring=False,
        )  # fmt: skip
    except OSError as error:
        raise runs.RunError(
            "The page can't be served there; choose another --port (0: any that is free) or "
            f"--host. Received: --host={host} --port={port} ({str(error).split('.')[0]})"
        ) from error
    return address


def main():
    """Finds the models, serves the page."""
    if importlib.util.find_spec("gradio") is None:
        raise runs.RunError('The page needs Gradio: pip install "kerasgan[explorer]"')
    if SMOKE.value:
        return smoke()
    stored = explorer.stored_models(MODELS.value)
    if not stored:
        raise runs.RunError(
            "No model found: train one (python recipes/gan_mnist.py), or say where they are. "
            f"Received: --models={','.join(MODELS.value)}"
        )
    page = build_page(explorer.Shelf(stored))
    address = serve(page, HOST.value, PORT.value)
    print(f"kerasgan: {len(stored)} models at {address} (Ctrl-C ends)", flush=True)
    page.block_thread()


def smoke():
    """Serves a new model, asks for the page."""
    with tempfile.TemporaryDirectory() as folder:
        models.GAN(image_shape=(8, 8, 1), latent_dim=4).save(f"{folder}/new.keras")
        page = build_page(explorer.Shelf(explorer.stored_models([folder])))
        address = serve(page, HOST.value, PORT.value)
        with urllib.request.urlopen(address, timeout=30) as answer:
            print(f"kerasgan: {address} answered {answer.status}")
        page.close()


if __name__ == "__main__":
    runs.launch(main)
