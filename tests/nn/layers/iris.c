/* The trained 4-6-3 net of the worked example gives its six published answers. */
#include "math/kernels.h"
#include "small_model.h"

/* Both matrices stand input x output here. */
static const float w1[4][6] = {
    {-0.92051142F, -0.26299602F, -1.31182587F, -0.01975909F, -0.59453297F, -1.11046791F},
    {-0.28832591F, -1.20107734F, -0.9193843F, 2.20059323F, -1.76573455F, -0.85953856F},
    {-2.33936191F, 2.61448216F, -0.70324481F, -2.55568218F, 2.42951894F, -1.61432779F},
    {-2.24077463F, 2.89018154F, 0.49342883F, -2.72368193F, 4.8323493F, 1.31086338F}};
static const float b1[6] = {-2.00212002F, -2.24461389F,  -0.26081288F,
                            0.61751789F,  -11.42080021F, -0.88119394F};
static const float w2[6][3] = {
    {-0.47563726F, -0.80865479F, -1.70860052F}, {-4.02558851F, 4.80955172F, 1.79265082F},
    {0.18003793F, 0.4045147F, 0.40952846F},     {8.4482317F, -6.87298441F, -4.0685277F},
    {-2.96541858F, -5.34733152F, 11.1489048F},  {0.08154635F, 0.21151544F, -0.45402744F}};
static const float b2[3] = {0.90756476F, 2.25174689F, -2.58430076F};

static const float x[6][4] = {{5, 3.5F, 1.3F, .3F},     {4.5F, 2.3F, 1.3F, .3F},
                              {5.5F, 2.6F, 4.4F, 1.2F}, {6.1F, 3, 4.6F, 1.4F},
                              {6.7F, 3.1F, 5.6F, 2.4F}, {6.9F, 3.1F, 5.1F, 2.3F}};
static const double answer[6][3] = {{9.99998450e-01, 1.42261445e-06, 1.62947060e-07},
                                    {9.99949336e-01, 4.81077950e-05, 2.52183918e-06},
                                    {4.37718809e-05, 9.98948872e-01, 1.00730266e-03},
                                    {4.63805227e-05, 9.98428643e-01, 1.52486726e-03},
                                    {8.70701982e-08, 2.18645262e-04, 9.99781311e-01},
                                    {2.09509579e-07, 6.10101502e-04, 9.99389648e-01}};

static void transpose(size_t in, size_t out, const float *from, nn_real *to) {
    for (size_t i = 0; i < in; i++)
        for (size_t o = 0; o < out; o++)
            to[o * in + i] = from[i * out + o];
}

int main(void) {
    static const nn_loss_spec spec = {.outputs = 3, .batch = 6, .labels = true, .classes = 3};
    const nn_pass pass = {.batch = 6};
    nn_real y[6][3];
    struct small_model s;

    /* the softmax at the end is the loss's own */
    if (!small_model_new(&s,
                         "[dense: {units: 6, activation: sigmoid}, "
                         "dense: {units: 3, activation: softmax}]",
                         (nn_shape){.rank = 1, .dim = {4}}, "cross_entropy", &spec))
        return check_done();
    transpose(4, 6, &w1[0][0], small_model_param(&s, 0));
    memcpy(small_model_param(&s, 1), b1, sizeof b1);
    transpose(6, 3, &w2[0][0], small_model_param(&s, 2));
    memcpy(small_model_param(&s, 3), b2, sizeof b2);
    nn_loss_activation(s.loss, 6, nn_model_forward(s.model, &pass, &x[0][0]), &y[0][0]);
    for (size_t i = 0; i < 6; i++)
        for (size_t c = 0; c < 3; c++)
            CHECK_NEAR(y[i][c], answer[i][c], 2e-6 * answer[i][c] + 1e-12);
    small_model_release(&s);
    return check_done();
}
