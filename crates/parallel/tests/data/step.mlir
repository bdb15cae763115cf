module @jit_step attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<64x256xf32> {tf.aliasing_output = 0 : i32}, %arg1: tensor<256x64xf32> {tf.aliasing_output = 1 : i32}, %arg2: tensor<32x64xf32>, %arg3: tensor<32x64xf32>) -> (tensor<64x256xf32> {jax.result_info = "result[0][0]"}, tensor<256x64xf32> {jax.result_info = "result[0][1]"}, tensor<f32> {jax.result_info = "result[1]"}) {
    %0 = stablehlo.dot_general %arg2, %arg0, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<32x64xf32>, tensor<64x256xf32>) -> tensor<32x256xf32>
    %1 = stablehlo.tanh %0 : tensor<32x256xf32>
    %cst = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %2 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<32x256xf32>
    %3 = stablehlo.subtract %2, %1 : tensor<32x256xf32>
    %4 = stablehlo.dot_general %1, %arg1, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<32x256xf32>, tensor<256x64xf32>) -> tensor<32x64xf32>
    %5 = stablehlo.tanh %4 : tensor<32x64xf32>
    %cst_0 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %6 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f32>) -> tensor<32x64xf32>
    %7 = stablehlo.subtract %6, %5 : tensor<32x64xf32>
    %8 = stablehlo.subtract %5, %arg3 : tensor<32x64xf32>
    %9 = stablehlo.multiply %8, %8 : tensor<32x64xf32>
    %cst_1 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %10 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f32>) -> tensor<32x64xf32>
    %11 = stablehlo.multiply %10, %8 : tensor<32x64xf32>
    %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %12 = stablehlo.reduce(%9 init: %cst_2) applies stablehlo.add across dimensions = [0, 1] : (tensor<32x64xf32>, tensor<f32>) -> tensor<f32>
    %cst_3 = stablehlo.constant dense<2.048000e+03> : tensor<f32>
    %13 = stablehlo.divide %12, %cst_3 : tensor<f32>
    %cst_4 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %cst_5 = stablehlo.constant dense<2.048000e+03> : tensor<f32>
    %14 = stablehlo.divide %cst_4, %cst_5 : tensor<f32>
    %15 = stablehlo.broadcast_in_dim %14, dims = [] : (tensor<f32>) -> tensor<32x64xf32>
    %16 = stablehlo.multiply %15, %11 : tensor<32x64xf32>
    %17 = stablehlo.multiply %16, %7 : tensor<32x64xf32>
    %18 = stablehlo.multiply %17, %5 : tensor<32x64xf32>
    %19 = stablehlo.add %17, %18 : tensor<32x64xf32>
    %20 = stablehlo.dot_general %19, %1, contracting_dims = [0] x [0], precision = [DEFAULT, DEFAULT] : (tensor<32x64xf32>, tensor<32x256xf32>) -> tensor<64x256xf32>
    %21 = stablehlo.transpose %20, dims = [1, 0] : (tensor<64x256xf32>) -> tensor<256x64xf32>
    %22 = stablehlo.dot_general %19, %arg1, contracting_dims = [1] x [1], precision = [DEFAULT, DEFAULT] : (tensor<32x64xf32>, tensor<256x64xf32>) -> tensor<32x256xf32>
    %23 = stablehlo.multiply %22, %3 : tensor<32x256xf32>
    %24 = stablehlo.multiply %23, %1 : tensor<32x256xf32>
    %25 = stablehlo.add %23, %24 : tensor<32x256xf32>
    %26 = stablehlo.dot_general %25, %arg2, contracting_dims = [0] x [0], precision = [DEFAULT, DEFAULT] : (tensor<32x256xf32>, tensor<32x64xf32>) -> tensor<256x64xf32>
    %27 = stablehlo.transpose %26, dims = [1, 0] : (tensor<256x64xf32>) -> tensor<64x256xf32>
    %cst_6 = stablehlo.constant dense<1.000000e-01> : tensor<f32>
    %28 = stablehlo.broadcast_in_dim %cst_6, dims = [] : (tensor<f32>) -> tensor<64x256xf32>
    %29 = stablehlo.multiply %28, %27 : tensor<64x256xf32>
    %30 = stablehlo.subtract %arg0, %29 : tensor<64x256xf32>
    %cst_7 = stablehlo.constant dense<1.000000e-01> : tensor<f32>
    %31 = stablehlo.broadcast_in_dim %cst_7, dims = [] : (tensor<f32>) -> tensor<256x64xf32>
    %32 = stablehlo.multiply %31, %21 : tensor<256x64xf32>
    %33 = stablehlo.subtract %arg1, %32 : tensor<256x64xf32>
    return %30, %33, %13 : tensor<64x256xf32>, tensor<256x64xf32>, tensor<f32>
  }
}

