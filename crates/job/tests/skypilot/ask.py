"""What SkyPilot 0.14.1 reads in task files: paths on standard input, one JSON object a line on standard output.

Runs in the Python of an environment that has the skypilot package. It asks the package's own loader, the one
behind `sky launch` and `sky jobs launch`, and shows what the loaded objects hold before any cloud is asked.
Nothing is fetched: names of accelerators stay as written, and "80GB+" stays one name instead of the list that
the package downloads.
"""

import json
import os
import sys

os.environ.setdefault('SKYPILOT_DISABLE_USAGE_COLLECTION', '1')

# The loader logs to standard output.
answers = os.fdopen(os.dup(1), 'w', encoding='utf-8')
os.dup2(2, 1)

from sky.data import data_utils  # noqa: E402
from sky.utils import accelerator_registry  # noqa: E402
from sky.utils import dag_utils  # noqa: E402
from sky.utils import yaml_utils  # noqa: E402


def by_memory(memory, plus=False, manufacturer=None):
    maker = f'{manufacturer}-' if manufacturer else ''
    return [f'{maker}{memory:g}GB{"+" if plus else ""}']


accelerator_registry.get_devices_by_memory = by_memory
accelerator_registry.canonicalize_accelerator_name = lambda name, cloud: name


def cloud(value):
    return None if value is None else value.canonical_name()


def image(resources):
    parts = {} if resources._image_id is None else dict(resources._image_id)
    named = ','.join(sorted(f'{key}={value}' if key and key != resources._region else value
                            for key, value in parts.items()))
    docker = f'docker:{resources._docker_image}' if resources._docker_image else ''
    return ','.join(part for part in (named, docker) if part) or None


def autostop(config):
    if config is None or not config.enabled:
        return None
    return {'idle_minutes': config.idle_minutes, 'down': config.down}


def resources(value):
    return {
        'provider': cloud(value._cloud),
        'region': value._region,
        'zone': value._zone,
        'accelerators': value._accelerators,
        'cpus': value._cpus,
        'memory': value._memory,
        'instance_type': value._instance_type,
        'use_spot': value._use_spot,
        'disk_size': value._disk_size,
        'disk_tier': value._disk_tier and value._disk_tier.value,
        'network_tier': value._network_tier and value._network_tier.value,
        'ports': value._ports,
        'image_id': image(value),
        'labels': value._labels or {},
        'autostop': autostop(value.autostop_config),
        'job_recovery': value._job_recovery,
        'max_hourly_cost': value._max_hourly_cost,
        'accelerator_args': value._accelerator_args,
    }


def bucket(storage):
    return {
        'name': storage.name,
        'source': storage.source,
        'mode': storage.mode.value,
        'store': [store.value.lower() for store in storage.stores],
        'persistent': storage.persistent,
    }


def task(value):
    return {
        'name': value.name,
        'num_nodes': value.num_nodes,
        'setup': value.setup,
        'run': value.run,
        'envs': value.envs,
        'secrets': {name: secret.get_secret_value() for name, secret in value.secrets.items()},
        'workdir': value.workdir,
        'file_mounts': value.file_mounts or {},
        'buckets': {path: bucket(storage) for path, storage in value.storage_mounts.items()},
        'inputs': [value.inputs, value.estimated_inputs_size_gigabytes],
        'outputs': [value.outputs, value.estimated_outputs_size_gigabytes],
        'ordered': isinstance(value.resources, list),
        'resources': [resources(each) for each in value.resources],
    }


def unset(documents):
    """Variables without a value, which the command line has to give."""
    names = {}
    for document in documents:
        envs = document.get('envs') if isinstance(document, dict) else None
        for name, value in envs.items() if isinstance(envs, dict) else ():
            if value is None:
                names[str(name)] = None
    return list(names)


def read(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    yaml_utils.check_no_duplicate_keys(text)
    given = unset(yaml_utils.read_yaml_all_str(text))
    dag = dag_utils.load_dag_from_yaml_str(text, env_overrides=[(name, 'given') for name in given] or None)
    for each in dag.tasks:
        each.validate_name()
        each.validate_run()
        for target, source in (each.file_mounts or {}).items():
            each._validate_mount_path(target, target)
            each._validate_path(source, target)
            if data_utils.is_cloud_store_url(target):
                raise ValueError('File mount destination paths cannot be cloud storage')
    return {
        'given': given,
        'name': dag.name,
        'parallel': dag.is_job_group(),
        'tasks': [task(each) for each in dag.tasks],
    }


for line in sys.stdin:
    path = line.rstrip('\n')
    try:
        answer = read(path)
    except BaseException as error:  # pylint: disable=broad-except
        answer = {'refused': f'{type(error).__name__}: {error}'}
    json.dump(answer, answers, default=str)
    answers.write('\n')
    answers.flush()
