"""Makes the rows that benches/boost.sh measures, and measures XGBoost on them.

    boost.py rows FOLDER KIND                           x.f32 and y.f32, and a line with rows and features
    boost.py xgboost FOLDER ROWS FEATURES THREADS [NAME=VALUE ...]   a line of JSON
    boost.py lightgbm FOLDER ROWS FEATURES THREADS [NAME=VALUE ...]  the same of LightGBM with quantised gradients
    boost.py federated FOLDER ROWS FEATURES PARTIES [NAME=VALUE ...] the same of XGBoost's federated plugin, each party with
                                                                     one thread, its server in a process of its own

KIND is dense (1,000,000 x 28 normal numbers), small (the same, a tenth), wide (100,000 x 1,000), onehot (200,000 x 50, of
which each row has five) or categories (200,000 x 10 of 200 values)."""

import json
import os
import resource
import sys
import time

import numpy as np


def rows(folder, kind):
    rng = np.random.default_rng(7)
    count, width = {
        "dense": (1_000_000, 28), "small": (100_000, 28), "wide": (100_000, 1_000), "onehot": (200_000, 50),
        "categories": (200_000, 10),
    }[kind]
    if kind == "onehot":
        x = np.zeros((count, width), dtype=np.float32)
        for block in range(5):
            x[np.arange(count), block * 10 + rng.integers(0, 10, count)] = 1
    elif kind == "categories":
        x = rng.integers(0, 200, (count, width)).astype(np.float32)
    else:
        x = rng.standard_normal((count, width)).astype(np.float32)
    seen = x if kind != "categories" else np.sin(x * 12.9898) * 2
    z = seen @ rng.standard_normal(width) / 3 + np.sin(3 * seen[:, 0]) * seen[:, 1] + 0.5 * (seen[:, 2] > 0) * seen[:, 3]
    z -= np.median(z)
    y = (z + rng.logistic(size=count) > 0).astype(np.float32)
    np.ascontiguousarray(x.T).tofile(os.path.join(folder, "x.f32"))
    y.tofile(os.path.join(folder, "y.f32"))
    print(count, width)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read(folder, count, width, settings):
    """Rows as a trainer takes them, labels, what kind of rows they are, parameters, and the number of rounds."""
    kinds = [setting for setting in settings if "=" not in setting]
    params = dict(setting.split("=") for setting in settings if "=" in setting)
    rounds = int(params.pop("rounds", 100))
    x = np.fromfile(os.path.join(folder, "x.f32"), np.float32).reshape(width, count).T
    x = np.ascontiguousarray(x)
    y = np.fromfile(os.path.join(folder, "y.f32"), np.float32)
    if "sparse" in kinds:
        import scipy.sparse

        x = scipy.sparse.csr_matrix(x)
    return x, y, kinds, params, rounds


def xgboost(folder, count, width, threads, settings):
    import xgboost as xgb

    count, width, threads = int(count), int(width), int(threads)
    data, y, kinds, params, rounds = read(folder, count, width, settings)
    types = ["c"] * width if "categories" in kinds else None
    wall, spent = time.time(), cpu()
    matrix = xgb.QuantileDMatrix(data, y, nthread=threads, feature_types=types, enable_categorical=True)
    model = xgb.train({"nthread": threads, "tree_method": "hist", **params}, matrix, rounds)
    trained = {"train_wall": time.time() - wall, "train_cpu": cpu() - spent}
    predicted = xgb.DMatrix(data, feature_types=types, enable_categorical=True, nthread=threads)
    wall, spent = time.time(), cpu()
    model.predict(predicted)
    print(json.dumps({**trained, "predict_wall": time.time() - wall, "predict_cpu": cpu() - spent}))


# What LightGBM calls the settings that benches/boost.sh gives.
LIGHTGBM = {"eta": "learning_rate", "objective": "objective", "max_depth": "max_depth"}


def lightgbm(folder, count, width, threads, settings):
    import lightgbm as lgb

    count, width, threads = int(count), int(width), int(threads)
    data, y, kinds, params, rounds = read(folder, count, width, settings)
    params = {LIGHTGBM[name]: value for name, value in params.items()}
    params["objective"] = {"binary:logistic": "binary"}[params["objective"]]
    # As many leaves as a tree of that depth may have, and as many bins as the others have.
    params |= {"num_leaves": 2 ** int(params["max_depth"]), "max_bin": 255, "use_quantized_grad": True}
    params |= {"num_threads": threads, "verbosity": -1}
    named = list(range(width)) if "categories" in kinds else "auto"
    wall, spent = time.time(), cpu()
    model = lgb.train(params, lgb.Dataset(data, y, categorical_feature=named, params=params), rounds)
    trained = {"train_wall": time.time() - wall, "train_cpu": cpu() - spent}
    wall, spent = time.time(), cpu()
    model.predict(data, num_threads=threads)
    print(json.dumps({**trained, "predict_wall": time.time() - wall, "predict_cpu": cpu() - spent}))


def server(parties, port):
    import xgboost.federated

    xgboost.federated.run_federated_server(n_workers=parties, port=port)


def worker(folder, count, width, parties, rank, port, params, rounds):
    import xgboost as xgb

    x = np.fromfile(os.path.join(folder, "x.f32"), np.float32).reshape(width, count).T[rank::parties]
    y = np.fromfile(os.path.join(folder, "y.f32"), np.float32)[rank::parties]
    x = np.ascontiguousarray(x)
    with xgb.collective.CommunicatorContext(
        dmlc_communicator="federated", dmlc_retry=100, federated_server_address=f"localhost:{port}",
        federated_world_size=parties, federated_rank=rank,
    ):
        matrix = xgb.QuantileDMatrix(x, y, nthread=1)
        xgb.train({"nthread": 1, "tree_method": "hist", **params}, matrix, rounds)


def federated(folder, count, width, parties, settings):
    import multiprocessing

    count, width, parties = int(count), int(width), int(parties)
    params = dict(setting.split("=") for setting in settings)
    rounds = int(params.pop("rounds", 100))
    context, port = multiprocessing.get_context("spawn"), 9091
    wall = time.time()
    main = context.Process(target=server, args=(parties, port))
    main.start()
    args = [(folder, count, width, parties, rank, port, params, rounds) for rank in range(parties)]
    workers = [context.Process(target=worker, args=one) for one in args]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    wall = time.time() - wall
    main.terminate()
    main.join()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"train_wall": wall, "train_cpu": spent.ru_utime + spent.ru_stime}))


if __name__ == "__main__":
    if sys.argv[1] == "rows":
        rows(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "federated":
        federated(*sys.argv[2:6], sys.argv[6:])
    elif sys.argv[1] == "lightgbm":
        lightgbm(*sys.argv[2:6], sys.argv[6:])
    else:
        xgboost(*sys.argv[2:6], sys.argv[6:])
