"""PyTorch's side of recipes/benchmark.py, which starts this program: the same networks, bare loops.

The loops are written as well as people write them: channels_last, Adam in one fused call, the fakes
that the discriminator learns from made without a graph, and its weights frozen while the generator
learns, so that no gradient is computed in vain. The passes of a step are those of kerasgan:
GAN, DCGAN, CGAN   discriminator: G forward; D forward and back on real images, and on fakes
                   generator: G and D forward and back
WGANGP             critic, `critic_steps` times: G forward; D forward and back on real images, on
                   fakes, and, to the second order, on their mixture; generator: as above
CycleGAN           generators: two translations, two ways back, two identities, forward and back; D
                   forward and back on both fakes
                   discriminators: two translations; D forward and back on real and fake images of
                   both domains
What kerasgan does beyond: the generator's moving average, CycleGAN's pool of earlier fakes, means
of the losses. Needs PyTorch 2.4 or newer.
"""

import contextlib
import functools
import itertools
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

LATENT_DIM, NUM_CLASSES, EMBEDDING_DIM = 100, 10, 50


def main():
    """Builds what the task (a JSON object) describes; then `n` steps for each line `n`."""
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    torch.set_float32_matmul_precision("high")  # TensorFlow's default on a GPU; nothing on a CPU
    step, networks = build(task)
    if task["count"]:
        parameters = sum(p.numel() for network in networks for p in network.parameters())
        with FlopCounter() as counter:
            step()
        say({"parameters": parameters, "flops": counter.total})
        return
    for _ in range(task["warm_up"]):
        step()  # compiles
    say({})
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1e3)
        peak = torch.cuda.max_memory_allocated() if task["device"] == "gpu" else None
        say({"ms": times, "device_bytes": peak})


def say(answer):
    """A line for benchmark.py."""
    print("BENCHMARK", json.dumps(answer), flush=True)


class FlopCounter(TorchDispatchMode):
    """Adds up matrix products and convolutions by PyTorch's formulas. (Its FlopCounterMode refuses
    WGAN-GP's gradient within a step, for which PyTorch takes 3 % more operations at 28 px.)
    """

    total = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        formula = flop_registry.get(function.overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=result)
        return result


def build(task):
    """(a function that does one step and returns its losses, the networks)."""
    torch.manual_seed(0)
    device = "cuda" if task["device"] == "gpu" else "cpu"
    family, size = task["family"], task["batch_size"]
    networks = [n.to(device, memory_format=torch.channels_last) for n in networks_of(task)]
    height, width, channels = task["image_shape"]

    def draw():
        images = torch.rand(size, channels, height, width, device=device) * 2 - 1
        return images.contiguous(memory_format=torch.channels_last)

    batches = [draw() for _ in range(2 if family == "CycleGAN" else task["batches_per_step"])]
    labels = [torch.arange(size, device=device) % NUM_CLASSES] if family == "CGAN" else []
    half = len(networks) // 2  # the generators come first
    rates = (1e-4, (0.0, 0.9)) if family == "WGANGP" else (2e-4, (0.5, 0.999))
    adams = [
        torch.optim.Adam([p for n in part for p in n.parameters()], *rates, fused=True)
        for part in (networks[:half], networks[half:])
    ]
    called = [torch.compile(n) for n in networks] if task["torch_compile"] else networks
    autocast = functools.partial(torch.autocast, device, torch.bfloat16, task["bfloat16"])
    step = functools.partial(STEPS[family], called, adams, autocast, batches, labels)
    return step, networks


# Steps --------------------------------------------------------------------------------------


def gan_step(networks, adams, autocast, batches, labels):
    """Algorithm 1 of Goodfellow et al. 2014, with the non-saturating generator."""
    (generator, discriminator), images = networks, batches[0]
    with torch.no_grad(), autocast():
        fakes = generator(latents_like(images), *labels)
    with autocast():
        d_loss = cross_entropy(discriminator(images, *labels), 1.0)
        d_loss = d_loss + cross_entropy(discriminator(fakes, *labels), 0.0)
    learn(adams[1], d_loss)
    with frozen(discriminator):
        with autocast():
            fakes = generator(latents_like(images), *labels)
            g_loss = cross_entropy(discriminator(fakes, *labels), 1.0)
        learn(adams[0], g_loss)
    return [d_loss.item(), g_loss.item()]


def wgan_gp_step(networks, adams, autocast, batches, labels):
    """Algorithm 1 of Gulrajani et al. 2017: a batch for each update of the critic."""
    generator, critic = networks
    for images in batches:
        with torch.no_grad(), autocast():
            fakes = generator(latents_like(images))
        with autocast():
            mix = torch.rand(len(images), 1, 1, 1, device=images.device)
            mixed = (images + mix * (fakes - images)).requires_grad_(True)
            score = critic(mixed).sum()
            (gradient,) = torch.autograd.grad(score, mixed, create_graph=True)
            norms = gradient.float().square().sum((1, 2, 3)).sqrt()
            c_loss = critic(fakes).float().mean() - critic(images).float().mean()
            c_loss = c_loss + 10.0 * (norms - 1.0).square().mean()
        learn(adams[1], c_loss)
    with frozen(critic):
        with autocast():
            g_loss = -critic(generator(latents_like(batches[-1]))).float().mean()
        learn(adams[0], g_loss)
    return [c_loss.item(), g_loss.item()]


def cycle_gan_step(networks, adams, autocast, batches, labels):
    """Zhu et al. 2017, with the identity loss; the generators learn first."""
    a_to_b, b_to_a, discriminator_a, discriminator_b = networks
    images_a, images_b = batches
    with frozen(discriminator_a, discriminator_b):
        with autocast():
            fake_b, fake_a = a_to_b(images_a), b_to_a(images_b)
            g_loss = squared(discriminator_b(fake_b), 1.0) + squared(discriminator_a(fake_a), 1.0)
            cycles = absolute(b_to_a(fake_b), images_a) + absolute(a_to_b(fake_a), images_b)
            same = absolute(b_to_a(images_a), images_a) + absolute(a_to_b(images_b), images_b)
            g_loss = g_loss + 10.0 * cycles + 5.0 * same
        learn(adams[0], g_loss)
    with torch.no_grad(), autocast():
        fake_b, fake_a = a_to_b(images_a), b_to_a(images_b)
    with autocast():
        d_loss = 0.0
        for discriminator, images, fakes in (
            (discriminator_a, images_a, fake_a),
            (discriminator_b, images_b, fake_b),
        ):
            d_loss = d_loss + 0.5 * squared(discriminator(images), 1.0)
            d_loss = d_loss + 0.5 * squared(discriminator(fakes), 0.0)
    learn(adams[1], d_loss)
    return [d_loss.item(), g_loss.item()]


def latents_like(images):
    """A latent for each image."""
    return torch.randn(len(images), LATENT_DIM, device=images.device)


@contextlib.contextmanager
def frozen(*networks):
    """The networks' weights get no gradients within."""
    for network in networks:
        network.requires_grad_(False)
    yield
    for network in networks:
        network.requires_grad_(True)


def learn(optimizer, loss):
    """One update."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def cross_entropy(logits, target):
    """Binary cross-entropy against one target for all."""
    logits = logits.float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def squared(logits, target):
    """Mean squared distance from the target."""
    return (logits.float() - target).square().mean()


def absolute(images, others):
    """Mean absolute distance."""
    return (images.float() - others).abs().mean()


# Networks -----------------------------------------------------------------------------------


def perceptrons(image_shape):
    """kerasgan.models.gan's: 256, 512 and 1024 units; 512 and 256, with dropout."""
    height, width, channels = image_shape
    size, sizes = height * width * channels, [LATENT_DIM, 256, 512, 1024]
    generator = []
    for before, after in itertools.pairwise(sizes):
        generator += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    generator += [nn.Linear(1024, size), nn.Tanh(), nn.Unflatten(1, (channels, height, width))]
    discriminator = [nn.Flatten()]
    for before, after in ((size, 512), (512, 256)):
        discriminator += [nn.Linear(before, after), nn.LeakyReLU(0.2), nn.Dropout(0.3)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator, nn.Linear(256, 1))


def dcgan_generator(features, image_shape, width=64):
    """kerasgan.networks.dcgan's generator, from a vector of features."""
    size, _, channels = image_shape
    base, doublings = (7, 2) if size == 28 else (4, size.bit_length() - 3)
    wide = width * 2 ** (doublings - 1)
    layers = [nn.Linear(features, base * base * wide, bias=False)]
    layers += [nn.Unflatten(1, (wide, base, base)), nn.BatchNorm2d(wide), nn.ReLU()]
    for _ in range(doublings - 1):
        layers += [nn.ConvTranspose2d(wide, wide // 2, 5, 2, 2, output_padding=1, bias=False)]
        wide //= 2
        layers += [nn.BatchNorm2d(wide), nn.ReLU()]
    last = nn.ConvTranspose2d(wide, channels, 5, 2, 2, output_padding=1)
    return nn.Sequential(*layers, last, nn.Tanh())


def dcgan_discriminator(image_shape, width=64, batch_norm=True):
    """kerasgan.networks.dcgan's discriminator."""
    size, _, before = image_shape
    base, halvings = (7, 2) if size == 28 else (4, size.bit_length() - 3)
    layers = []
    for level in range(halvings):
        normalized = batch_norm and level > 0
        layers += [nn.Conv2d(before, width * 2**level, 5, 2, 2, bias=not normalized)]
        before = width * 2**level
        layers += [nn.BatchNorm2d(before)] if normalized else []
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(base * base * before, 1))


class ConditionalGenerator(nn.Module):
    """kerasgan.models.cgan's: the label's embedding beside the latent."""

    def __init__(self, image_shape):
        super().__init__()
        self.embedding = nn.Embedding(NUM_CLASSES, EMBEDDING_DIM)
        self.trunk = dcgan_generator(LATENT_DIM + EMBEDDING_DIM, image_shape, width=32)

    def forward(self, latents, labels):
        """Images (batch, C, H, W)."""
        return self.trunk(torch.cat([latents, self.embedding(labels)], 1))


class ConditionalDiscriminator(nn.Module):
    """kerasgan.models.cgan's: the label's embedding as one more channel."""

    def __init__(self, image_shape):
        super().__init__()
        height, width, channels = image_shape
        self.embedding = nn.Embedding(NUM_CLASSES, height * width)
        self.trunk = dcgan_discriminator((height, width, channels + 1), width=32)

    def forward(self, images, labels):
        """Logits (batch, 1)."""
        plane = self.embedding(labels).view(-1, 1, *images.shape[2:])
        return self.trunk(torch.cat([images, plane], 1))


class Residual(nn.Module):
    """Two 3x3 convolutions, added to what they were given."""

    def __init__(self, width):
        super().__init__()
        layers = [nn.ReflectionPad2d(1), *convolution(width, width, 3, 1, 0), nn.ReLU()]
        layers += [nn.ReflectionPad2d(1), *convolution(width, width, 3, 1, 0)]
        self.path = nn.Sequential(*layers)

    def forward(self, x):
        """A map of the same shape."""
        return x + self.path(x)


def convolution(before, after, size, stride, padding):
    """A convolution and its instance normalisation."""
    normalization = nn.InstanceNorm2d(after, affine=True)
    return [nn.Conv2d(before, after, size, stride, padding, bias=False), normalization]


def residual_generator(image_shape, width=64):
    """kerasgan.models.cyclegan's generator: 6 residual blocks, from 256 px on 9."""
    size, _, channels = image_shape
    layers = [nn.ReflectionPad2d(3), *convolution(channels, width, 7, 1, 0), nn.ReLU()]
    for wide in (width, 2 * width):
        layers += [*convolution(wide, 2 * wide, 3, 2, 1), nn.ReLU()]
    layers += [Residual(4 * width) for _ in range(9 if size >= 256 else 6)]
    for wide in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(wide, wide // 2, 3, 2, 1, output_padding=1, bias=False)]
        layers += [nn.InstanceNorm2d(wide // 2, affine=True), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh())


def patch_discriminator(image_shape, width=64):
    """kerasgan.networks.patch's discriminator with 3 halvings."""
    layers = [nn.Conv2d(image_shape[-1], width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for wide, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [*convolution(wide, 2 * wide, 4, stride, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


def networks_of(task):
    """A family's generators, then as many discriminators."""
    family, shape = task["family"], task["image_shape"]
    if family == "GAN":
        return perceptrons(shape)
    if family == "CGAN":
        return ConditionalGenerator(shape), ConditionalDiscriminator(shape)
    if family == "CycleGAN":
        return [f(shape) for f in 2 * [residual_generator] + 2 * [patch_discriminator]]
    critic = dcgan_discriminator(shape, batch_norm=family == "DCGAN")
    return dcgan_generator(LATENT_DIM, shape), critic


STEPS = {
    "GAN": gan_step,
    "DCGAN": gan_step,
    "CGAN": gan_step,
    "WGANGP": wgan_gp_step,
    "CycleGAN": cycle_gan_step,
}

if __name__ == "__main__":
    main()
