"""Loads a SavedModel as a server would and answers the requests that lie in a folder.

python -I isolated.py predict.py MODEL_VERSION_FOLDER REQUESTS_FOLDER

Each REQUESTS_FOLDER/NAME.request, a serialised PredictRequest, is answered by NAME.response beside
it, or by NAME.error: the code and, from the second line on, the message.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cpp_loader import ServedModel, TFError
from tensorflow_serving.apis import predict_pb2


def main(model_folder: str, requests_folder: str) -> None:
    """Answers all requests, in the order of their names."""
    model = ServedModel(Path(model_folder))
    for path in sorted(Path(requests_folder).glob("*.request")):
        request = predict_pb2.PredictRequest.FromString(path.read_bytes())
        try:
            response = model.predict(request)
            path.with_suffix(".response").write_bytes(response.SerializeToString())
        except TFError as error:
            path.with_suffix(".error").write_text(f"{error.code}\n{error.message}")
    model.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
