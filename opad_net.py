import os
os.environ["OPENBLAS_NUM_THREADS"]="1"
import numpy as np, opad, timeit
rng=np.random.default_rng(0)
Ws=[rng.standard_normal((8,8))/2 for _ in range(50)]; bs=[rng.standard_normal((8,1)) for _ in range(50)]
x=rng.standard_normal((8,1))
def net(p):
    W,b=p; h=x
    for w,c in zip(W,b): h=np.tanh(w@h+c)
    return np.sum(h)
g=opad.grad(net); p=(Ws,bs)
def med(f,n=50):
    f(); r=timeit.repeat(f,number=n,repeat=15); return np.median(r)/n*1e6, min(r)/n*1e6
print('opad us', med(lambda: g(p)))
lin=opad.linearize(net,p)
print(' vjp', med(lambda: lin.vjp(1.0)), 'jvp', med(lambda: lin.jvp(p)))
if __import__('sys').argv[1:]:
    import cProfile,pstats
    pr=cProfile.Profile(); pr.enable()
    for _ in range(300): g(p)
    pr.disable(); pstats.Stats(pr).sort_stats('tottime').print_stats(22)
