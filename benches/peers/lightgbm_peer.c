/* Time and memory of LightGBM through its C API, printed as one line of JSON: the counterpart of
 * training/benches/boost.rs, with the same arguments `name=value`. No Python runs while the clock does.
 *
 * do=train  data= rows= columns= parameters= iterations= warm= model=
 * do=score  data= rows= columns= model= threads= repeats=
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *Handle;
int LGBM_DatasetCreateFromMat(const void *, int, int32_t, int32_t, int, const char *, const Handle, Handle *);
int LGBM_DatasetSetField(Handle, const char *, const void *, int, int);
int LGBM_DatasetFree(Handle);
int LGBM_BoosterCreate(const Handle, const char *, Handle *);
int LGBM_BoosterCreateFromModelfile(const char *, int *, Handle *);
int LGBM_BoosterUpdateOneIter(Handle, int *);
int LGBM_BoosterSaveModel(Handle, int, int, int, const char *);
int LGBM_BoosterFree(Handle);
int LGBM_BoosterPredictForMat(Handle, const void *, int, int32_t, int32_t, int, int, int, int, const char *, int64_t *,
                              double *);
int LGBM_BoosterPredictForMatSingleRowFastInit(Handle, int, int, int, int, int32_t, const char *, Handle *);
int LGBM_BoosterPredictForMatSingleRowFast(Handle, const void *, int64_t *, double *);
const char *LGBM_GetLastError(void);

enum { FLOAT32 = 0, RAW_SCORE = 1, SINGLE_ROWS = 20000 };

static int argument_count;
static char **arguments;

static const char *argument(const char *name, const char *fallback) {
    size_t length = strlen(name);
    for (int i = 1; i < argument_count; i++)
        if (!strncmp(arguments[i], name, length) && arguments[i][length] == '=') return arguments[i] + length + 1;
    return fallback;
}

static void check(int code) {
    if (code) {
        fprintf(stderr, "LightGBM: %s\n", LGBM_GetLastError());
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static long memory(const char *name) {
    char line[256];
    long value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name))) value = atol(line + strlen(name));
    if (file) fclose(file);
    return value;
}

static float *numbers(const char *name, long count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", argument("data", "."), name);
    float *values = malloc(count * sizeof(float));
    FILE *file = fopen(path, "rb");
    if (!file || (long)fread(values, sizeof(float), count, file) != count) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    return values;
}

static Handle grow(const float *records, const float *targets, int rows, int columns, int iterations, Handle *data) {
    const char *parameters = argument("parameters", "");
    Handle booster;
    int finished = 0;
    check(LGBM_DatasetCreateFromMat(records, FLOAT32, rows, columns, 1, parameters, NULL, data));
    check(LGBM_DatasetSetField(*data, "label", targets, rows, FLOAT32));
    check(LGBM_BoosterCreate(*data, parameters, &booster));
    for (int i = 0; i < iterations && !finished; i++) check(LGBM_BoosterUpdateOneIter(booster, &finished));
    return booster;
}

int main(int count, char **values) {
    argument_count = count;
    arguments = values;
    int rows = atoi(argument("rows", "0")), columns = atoi(argument("columns", "0"));
    float *records = numbers("records.f32", (long)rows * columns);
    if (!strcmp(argument("do", "train"), "train")) {
        float *targets = numbers("targets.f32", rows);
        Handle data, booster;
        for (int i = atoi(argument("warm", "0")); i > 0; i--) {
            booster = grow(records, targets, rows, columns, 2, &data);
            check(LGBM_BoosterFree(booster));
            check(LGBM_DatasetFree(data));
        }
        long before = memory("VmRSS:");
        FILE *clear = fopen("/proc/self/clear_refs", "w");
        if (clear) {
            fputs("5", clear);
            fclose(clear);
        }
        double start = now();
        booster = grow(records, targets, rows, columns, atoi(argument("iterations", "100")), &data);
        double seconds = now() - start;
        long peak = memory("VmHWM:") - before;
        if (*argument("model", "")) check(LGBM_BoosterSaveModel(booster, 0, -1, 0, argument("model", "")));
        printf("{\"seconds\": %.6f, \"peak_kb\": %ld}\n", seconds, peak);
        return 0;
    }
    Handle booster, fast;
    int iterations;
    int64_t length;
    char parameters[64];
    snprintf(parameters, sizeof parameters, "num_threads=%s", argument("threads", "1"));
    double *out = malloc(rows * sizeof(double)), row = 1e30, batch = 1e30, sum = 0;
    int few = rows < SINGLE_ROWS ? rows : SINGLE_ROWS;
    check(LGBM_BoosterCreateFromModelfile(argument("model", "model.txt"), &iterations, &booster));
    check(LGBM_BoosterPredictForMatSingleRowFastInit(booster, RAW_SCORE, 0, -1, FLOAT32, columns, parameters, &fast));
    for (int repeat = atoi(argument("repeats", "5")); repeat > 0; repeat--) {
        double start = now();
        sum = 0;
        for (int i = 0; i < few; i++) {
            double answer;
            check(LGBM_BoosterPredictForMatSingleRowFast(fast, records + (long)i * columns, &length, &answer));
            sum += answer;
        }
        double seconds = (now() - start) / few;
        row = seconds < row ? seconds : row;
        start = now();
        check(LGBM_BoosterPredictForMat(booster, records, FLOAT32, rows, columns, 1, RAW_SCORE, 0, -1, parameters,
                                        &length, out));
        seconds = now() - start;
        batch = seconds < batch ? seconds : batch;
    }
    printf("{\"row_ns\": %.1f, \"rows_per_second\": %.1f, \"sum\": %.9f}\n", row * 1e9, rows / batch, sum);
    return 0;
}
