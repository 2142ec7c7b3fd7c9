"""From a trained model to answers over the network, by way of TF Serving.

`export(model, "saved_models/gan_mnist")` writes `saved_models/gan_mnist/1/`, the next call `2/`,
and so on: the layout that TF Serving watches. A version folder appears complete or not at all.
`write_model_base("saved_models")` writes the files from which one server offers all the models
there, and `Client("localhost:8501", "gan_mnist")` asks it for samples.
"""

from kerasgan.serving.client import Client
from kerasgan.serving.exporting import classifier_signatures, export
from kerasgan.serving.model_base import write_model_base
from kerasgan.serving.transports import ServingError

__all__ = ["Client", "ServingError", "classifier_signatures", "export", "write_model_base"]
