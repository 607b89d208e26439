#!/bin/bash
# sbatch --nodes 2 recipes/slurm.sh recipes/llama-3.1-8b/disagree-10k.yaml [options of sft.py …]
#SBATCH --job-name=naturalthoughts-sft
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
# A job that is requeued starts the same command, which goes on from its last checkpoint: put
# output_dir and HF_HOME on a file system that all nodes share.
set -euo pipefail

recipe=$1
shift
processes=$((SLURM_NNODES * 8))
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
first=${nodes%%$'\n'*}  # with `| head`, scontrol may die of the closed pipe, and the job with it
config=recipes/accelerate_configs/fsdp2_two_nodes.yaml

# Every node starts accelerate once; SLURM_NODEID is known only there, so it is quoted.
export recipe processes first config
srun bash -c 'exec accelerate launch --config_file "$config" \
  --num_machines "$SLURM_NNODES" --num_processes "$processes" --machine_rank "$SLURM_NODEID" \
  --main_process_ip "$first" --main_process_port 29500 \
  recipes/sft.py --config "$recipe" --processes "$processes" "$@"' _ "$@"
