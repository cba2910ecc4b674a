// A dynamically linked glibc program: threads, mutexes, a condition variable, thread-local storage, floating point,
// fork and signals.  Prints one line that is the same wherever it runs.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kThreads = 8, kRounds = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t everyone_here = PTHREAD_COND_INITIALIZER;
static int arrived;
static unsigned long long total;
static double wave;
static __thread unsigned mine;
static volatile sig_atomic_t alarms;

static void on_alarm(int number) {
    (void)number;
    ++alarms;
}

static void* work(void* argument) {
    const unsigned id = (unsigned)(size_t)argument;
    pthread_mutex_lock(&lock);
    if (++arrived == kThreads) pthread_cond_broadcast(&everyone_here);
    while (arrived < kThreads) pthread_cond_wait(&everyone_here, &lock);
    pthread_mutex_unlock(&lock);

    double sum = 0;
    mine = id;
    for (unsigned i = 1; i <= kRounds; ++i) {
        mine = mine * 1103515245u + 12345u;
        sum += (double)((i + id) % 7) / 8.0;  // exact in binary: the order of the additions does not matter
        if (i % 100 == 0) {
            pthread_mutex_lock(&lock);
            total += mine >> 16;
            pthread_mutex_unlock(&lock);
        }
    }
    pthread_mutex_lock(&lock);
    wave += sum;
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void) {
    signal(SIGALRM, on_alarm);
    pthread_t thread[kThreads];
    for (size_t i = 0; i < kThreads; ++i)
        if (pthread_create(&thread[i], NULL, work, (void*)i)) return 1;
    for (size_t i = 0; i < kThreads; ++i) pthread_join(thread[i], NULL);
    raise(SIGALRM);
    fflush(stdout);

    const pid_t child = fork();
    if (child == 0) _exit((int)(total % 200));
    int status = 0;
    if (waitpid(child, &status, 0) != child) return 1;
    printf("threads: total %llu wave %.3f alarms %d child %d\n", total, wave, (int)alarms,
           WIFEXITED(status) ? WEXITSTATUS(status) == (int)(total % 200) : -1);
    return 0;
}
