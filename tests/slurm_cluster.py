"""A SLURM cluster of two nodes on this one machine, for the tests: no systemd, no database, pretended graphics cards.

Debian 12: ``apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge slurm-wlm-basic-plugins``.
Everything stands in one folder that is given and goes with it, but for three links in /etc/slurm: the plugin takes
SLURM_CONF out of the environment of a job's own ``srun``, which then looks there. A cluster that is already configured
there is never touched.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

COMMANDS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "munged", "setpriv")
PLUGIN = "snakemake_executor_plugin_slurm"
ETC = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf", "cgroup.conf")
NODES = ("n1", "n2")
MARK = "SHARED_AFFECT_TEST_CLUSTER"
"""Variable of the environment of every daemon and job of a cluster: its folder."""

CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=10000,batch_sched_delay=1
LaunchParameters=disable_send_gids
SlurmdParameters=config_overrides
SlurmdTimeout=10
MinJobAge=3600
OverTimeLimit=10
ReturnToService=2
KillWait=2
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory}"
    " Gres=gpu:fake:{gpus} State=UNKNOWN"
)
CGROUP = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainCores=no\nConstrainDevices=no\nConstrainRAMSpace=no\n"


def lacking() -> str:
    """Why no cluster can be made here; empty where one can."""
    if absent := [c for c in COMMANDS if shutil.which(c, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]:
        return f"SLURM is not installed here (no {', '.join(absent)}): docs/cluster.md"
    if importlib.util.find_spec(PLUGIN) is None:
        return "snakemake-executor-plugin-slurm is not installed in this environment: pip install '.[slurm]'"
    if os.geteuid() != 0:
        return "daemons of SLURM need root"
    if real := [str(ETC / f) for f in FILES if (ETC / f).exists()]:
        return f"{', '.join(real)}: a cluster is configured here, and the tests do not touch it"
    return ""


class Cluster:
    """Controller and nodes n1 and n2, each a slurmd on this machine.

    Parameters
    ----------
    folder : path
        Made; keys, state and logs stand there. Short: it holds a socket.
    cpus, gpus, memory : int
        Of a node; memory in MB. They are promises to the scheduler, not looked up on the machine.
    """

    def __init__(self, folder: Path, cpus: int = 2, gpus: int = 1, memory: int = 20000, port: int = 26817):
        self.folder, self.gpus, self.daemons = Path(folder), gpus, {}
        self.path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        for part in ("munge", "state", "spool", "log", "dev"):
            (self.folder / part).mkdir(parents=True)
        host = socket.gethostname().split(".")[0]
        nodes = [
            NODE.format(name=n, host=host, port=port + 10 + k, cpus=cpus, memory=memory, gpus=gpus)
            for k, n in enumerate(NODES)
        ]
        (self.folder / "slurm.conf").write_text(
            CONF.format(host=host, port=port, folder=self.folder, nodes="\n".join(nodes))
        )
        (self.folder / "cgroup.conf").write_text(CGROUP)
        cards = f"[0-{gpus - 1}]" if gpus > 1 else "0"
        (self.folder / "gres.conf").write_text(
            "".join(f"NodeName={n} Name=gpu Type=fake File={self.folder}/dev/{n}card{cards}\n" for n in NODES)
        )
        for n in NODES:
            for card in range(gpus):  # a character device like /dev/null for each card
                os.mknod(self.folder / f"dev/{n}card{card}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))

    @property
    def environment(self) -> dict:
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": self.path, MARK: str(self.folder)}

    def say(self, *command, check=True) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, env=os.environ | self.environment, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _start(self, name: str, *command, **variables):
        with open(self.folder / f"log/{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | self.environment | variables, start_new_session=True
            )

    def start(self):
        munge = self.folder / "munge"
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o400)
        user = ["id", "munge"]
        uid, gid = (int(subprocess.check_output([user[0], flag, user[1]])) for flag in ("-u", "-g"))
        for path in (munge, munge / "key"):
            os.chown(path, uid, gid)
        munge.chmod(0o711)
        for path in (self.folder, *self.folder.parents):
            if not path.stat().st_mode & stat.S_IXOTH:  # munge's user has to get there
                path.chmod(path.stat().st_mode | stat.S_IXOTH)
        self._start(
            "munged",
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "munged", "--foreground", "--force"),
            *(f"--{k}={munge}/{v}" for k, v in {"key-file": "key", "socket": "socket", "pid-file": "pid"}.items()),
            *(f"--{k}={munge}/{v}" for k, v in {"log-file": "log", "seed-file": "seed"}.items()),
            "--num-threads=2",
        )
        self._until(lambda: (munge / "socket").exists(), 10, "munge")
        ETC.mkdir(exist_ok=True)
        for name in FILES:
            if (ETC / name).exists():
                raise RuntimeError(f"{ETC / name} exists: another cluster's file is not replaced")
            with contextlib.suppress(FileNotFoundError):
                (ETC / name).unlink()  # a link that leads nowhere
            (ETC / name).symlink_to(self.folder / name)
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self._until(lambda: self.states() == dict.fromkeys(NODES, "idle"), 30, "the nodes")
        return self

    def start_controller(self):
        self._start("slurmctld", "slurmctld", "-D", "-f", str(self.folder / "slurm.conf"))

    def start_node(self, node: str):
        command = ("slurmd", "-D", "-N", node, "-f", str(self.folder / "slurm.conf"))
        self._start(f"slurmd-{node}", *command, SLURMD_NODENAME=node)  # inherited by what watches over its jobs

    def states(self) -> dict:
        """State of each node by its name."""
        lines = self.say("sinfo", "-h", "-N", "-o", "%N %t", check=False).split("\n")
        return dict(sorted(line.split() for line in lines if line.strip()))

    def jobs(self, states: str = "all") -> list[dict]:
        """The queue: id, state, node, comment (rule and wildcards), and restarts."""
        text = self.say("squeue", "-h", f"--states={states}", "-o", "%A|%T|%N|%k", check=False)
        return [dict(zip(("id", "state", "node", "comment"), line.split("|"))) for line in text.split("\n") if line]

    def _until(self, true, seconds: float, what: str):
        end = time.time() + seconds
        while not true():
            if time.time() > end:
                raise RuntimeError(f"{what} did not come up; logs in {self.folder}/log")
            time.sleep(0.1)

    def _end(self, name: str, how: int):
        daemon = self.daemons.pop(name)
        with contextlib.suppress(ProcessLookupError):
            daemon.send_signal(how)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def stop_controller(self):
        """As at a power cut."""
        self._end("slurmctld", signal.SIGKILL)

    def kill_node(self, node: str):
        """Its slurmd and all that runs on it, at once, as at a power cut."""
        self._end(f"slurmd-{node}", signal.SIGKILL)
        self._kill_processes(node)

    def _kill_processes(self, node: str):
        """What runs there, but for slurmd itself, which bears the same marks."""
        daemons = {d.pid for d in self.daemons.values()}
        for _ in range(20):  # what was started meanwhile as well
            left = set(self.processes(node)) - daemons
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def cancel_all(self):
        """Every job, and what it has left behind: without control groups SLURM loses processes whose parent is gone."""
        self.say("scancel", "--quiet", "--user=root", check=False)
        end = time.time() + 60
        while self.jobs("PENDING,RUNNING,SUSPENDED,COMPLETING") and time.time() < end:
            time.sleep(0.2)
        for node in NODES:
            self._kill_processes(node)

    def processes(self, node: str) -> list[int]:
        """Of this cluster's jobs on a node, with the daemons (slurmstepd) that watch over them."""
        found, mark = [], f"{MARK}={self.folder}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                variables = (folder / "environ").read_bytes().split(b"\0")
                if mark in variables and f"SLURMD_NODENAME={node}".encode() in variables:
                    found.append(int(folder.name))
        return found

    def stop(self):
        """Jobs, daemons, the links in /etc/slurm."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.cancel_all()
        for name in reversed(list(self.daemons)):
            self._end(name, signal.SIGTERM)
        for name in FILES:
            if (ETC / name).is_symlink() and os.readlink(ETC / name) == str(self.folder / name):
                (ETC / name).unlink()
