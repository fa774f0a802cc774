import os
os.environ["OMP_NUM_THREADS"]="1"
import torch, timeit, numpy as np
torch.set_num_threads(1)
rng=np.random.default_rng(0)
Ws=[torch.tensor(rng.standard_normal((8,8))/2,requires_grad=True) for _ in range(50)]; bs=[torch.tensor(rng.standard_normal((8,1)),requires_grad=True) for _ in range(50)]
x=torch.tensor(rng.standard_normal((8,1)))
def g():
    h=x
    for w,c in zip(Ws,bs): h=torch.tanh(w@h+c)
    return torch.autograd.grad(h.sum(), Ws+bs)
r=timeit.repeat(g,number=50,repeat=15)
print('torch us', np.median(r)/50*1e6, min(r)/50*1e6)
